// Package session keeps conversations that outlive their conns.
//
//	sessions := session.Serve(srv, nil)                                // at the server
//	s, err := session.Dial(ctx, cli, "tcp://localhost:7000", nil)      // at a client with Reconnect
//	err = session.Send(s, chat, &message)                              // at either side
//
// What Send has taken arrives in order and exactly once while both processes live, over any
// number of conns. What the other side has not acknowledged when a session ends is told to
// the program, on each side: nothing is lost without a word.
//
// Handlers get packets as always. Of(c) is the session that a packet's conn carries.
package session
