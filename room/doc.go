// Package room sends packets to many conns at once: to the members of a room, and to those who
// have subscribed to a topic.
//
//	rooms := room.New(srv, nil)
//	lobby := rooms.Room("lobby")
//	lobby.Join(c)
//	room.Send(lobby, chat, &message, room.Except(c))
//	lobby.Leave(c)
//
// A room exists while it has members. A conn that ends leaves its rooms by itself. A packet to
// a room is encoded once, and the room's members are the only ones that are looked at.
//
// Topics are for packets whose audience is chosen by patterns:
//
//	topics := room.NewTopics(srv, nil)
//	topics.Subscribe(c, "px.eu.*")
//	room.Publish(topics, "px.eu.bund", quote, &q)
//
// All functions and methods may be called from any goroutine. None of them waits for another
// one's conn, and no lock is held while the program's functions are called.
package room
