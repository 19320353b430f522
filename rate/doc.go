// Package rate bounds how many packets a program handles: of each conn, of each address, and
// of all together. It is middleware of peers, before a packet is decoded.
//
//	limits := rate.New(rate.Config{
//		Conn:    rate.Limit{PerSecond: 50, Burst: 100},
//		Address: rate.Limit{PerSecond: 200},
//	})
//	srv.Use(limits.Middleware())
//
// A packet type that is to have limits of its own gets a Limiter of its own:
//
//	shouts := rate.New(rate.Config{Conn: rate.Limit{PerSecond: 0.5, Burst: 3}})
//	peer.Handle(srv, shout, onShout, peer.With(shouts.Middleware()))
//
// Packets over a limit are dropped, unless Config.Over says otherwise, and counted by their
// type.
package rate
