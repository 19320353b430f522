// Package request lets clients ask to join the rooms of package room, or to subscribe to its
// topics. Without it they are joined by the server's program only. The program says who may:
//
//	var lobbies = request.Define("chat:rooms", 60) // four packets, 60 to 63
//
//	reg.MustAdd(lobbies.Packets()...) // on both sides
//
//	request.ServeRooms(srv, lobbies, rooms, &request.Config{
//		May: func(c *call.Context, name string) error {
//			if !isFriend(c.Conn(), name) {
//				return request.ErrRefused
//			}
//			return nil
//		},
//	})
//
//	err := lobbies.Join(ctx, conn, "lobby") // at the client
//
// Requests are calls of package call, so the client hears what became of each: it may wait or
// give a function, and has a deadline and errors. They are bounded: how many a second, how long
// a name is, and, by package room, in how many rooms a member may be.
package request
