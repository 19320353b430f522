// Package packetmq is the front page of a packet networking engine: peers that send
// each other typed packets, over TCP, TLS, Unix sockets or memory, with all callbacks on
// one event loop. It has no functions of its own.
//
// A packet type is defined once, for all sides of a program:
//
//	type Ping struct{ N int }
//	type Pong struct{ N int }
//
//	var (
//		ping = registry.Define[Ping]("app:ping", 17)
//		pong = registry.Define[Pong]("app:pong", 18)
//	)
//
// A server answers pings; the example below is it together with a client:
//
//	reg := registry.New()
//	reg.MustAdd(ping, pong)
//	srv := peer.NewServer(reg, nil)
//	peer.Handle(srv, ping, func(c *peer.Conn, v *Ping) error {
//		return peer.Reply(c, pong, &Pong{v.N})
//	})
//	if _, err := srv.Listen("127.0.0.1:7000"); err != nil {
//		return err
//	}
//	return srv.Run()
//
// # The packages
//
//   - [github.com/packetmq/packetmq/peer]: servers, clients and their conns. Most
//     programs need this one and registry.
//   - [github.com/packetmq/packetmq/registry]: the packet types of a program, by name,
//     id and Go type.
//   - [github.com/packetmq/packetmq/engine]: the reactor that runs the peers: its loops,
//     timers, posted functions and bounds.
//   - [github.com/packetmq/packetmq/codec]: frames and msgpack, for packets that encode
//     themselves.
//   - [github.com/packetmq/packetmq/call]: requests and answers over packets, both ways.
//   - [github.com/packetmq/packetmq/room]: rooms, whose members get a packet each, and
//     topics.
//   - [github.com/packetmq/packetmq/middleware] and [github.com/packetmq/packetmq/rate]:
//     what is put around handlers, ready made.
//   - [github.com/packetmq/packetmq/memconn]: pairs of conns in memory, for protocols of
//     one's own on the engine.
package packetmq
