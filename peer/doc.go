// Package peer is one side of a packetmq conversation: a Server, a Client, and
// their counterparts without a socket, MemoryServer and MemoryClient.
//
// A program defines its packets, adds them to a registry, makes a peer, and
// handles what arrives:
//
//	var (
//		ping = registry.Define[Ping]("app:ping", 17)
//		pong = registry.Define[Pong]("app:pong", 18)
//	)
//
//	reg := registry.New() // a server insists on its ids, a client adapts
//	reg.MustAdd(ping, pong)
//
//	srv := peer.NewServer(reg, nil)
//	peer.Handle(srv, ping, func(c *peer.Conn, v *Ping) error {
//		return peer.Reply(c, pong, &Pong{N: v.N})
//	})
//	if _, err := srv.Listen("127.0.0.1:7000"); err != nil {
//		return err
//	}
//	return srv.Run()
//
// The same handlers serve every transport. When two sides connect they shake
// hands: they compare protocol versions and packet names, and the side whose
// registry adapts takes over the other's ids, for that conn alone. Exactly one
// side of a conversation adapts.
//
// Handle, Send, Reply, SendTo, SendWait, Broadcast and Encode take a registry.Packet[T] and a
// *T, so that the compiler checks every call. Programs that know packets by name or id
// only, such as ports of Python programs and tools, find the same behind Untyped. Encode is
// for what goes to some conns and not to all: they share the one encoded payload.
//
// # Goroutines
//
// All callbacks, hooks and handlers of a conn run on its loop, one at a time;
// with one loop, the default, those of all conns of all peers of a reactor do,
// and they need no locks. Everything may be called from any goroutine, but for
// Reply, UntypedConn.Reply, Conn.ReplyRaw, Conn.EncodedIn and Conn.PacketIn: these
// are for the conn's loop only. Connect, ConnectClient, SendWait and Run wait, and so
// may not be called on a loop.
//
// # Ends
//
// A conn ends by a softquit from either side, which has a reason and follows
// everything sent before; by an error, which the other side is told as a reason
// too; or with its transport. OnLost is called exactly once in every case.
//
// # Who is there
//
// Addresses with tls:// in front are served and connected to with Config.TLS,
// which is where certificates are asked for and verified; a Certificate can be
// loaded again while it is in use. A side with Config.Authenticate is asked
// about every other side before anything of that is handled, with the token of
// its Config.Token, its TLS state, and its process at a Unix socket. Server and
// Client can also Inject any net.Conn that a program has made itself.
//
// # Bad input
//
// What cannot be read, may not come, or fails in a handler ends the conn it
// came on, with a Fault that carries a Reason and a typed error, and touches no
// other. Faults are logged, at most ten lines a second of each kind.
package peer
