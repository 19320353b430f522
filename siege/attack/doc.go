// Package attack attacks a server from outside, and says which of its promises
// held.
//
// The server is a process of its own, started for each row and killed with it.
// It is attacked by sockets on 127.0.0.0/8 that speak the protocol byte by byte,
// by package wire. What is known about the server comes
// from its replies, from /proc, and from one line that it prints when it is
// asked: goroutines, conns, buffers and bytes of live heap.
//
// A row is one promise. It is broken by one thing that is not as promised, and
// says what that was; else it held, and shows its figure. Rows that measure
// nothing fine run at the same time; those that measure latency run alone.
//
// Latency is measured on polite conns, a crowd: each sends one packet, waits
// for the reply, compares it, pauses, and goes on. Bounds on it are for a
// machine that does other things too, and every row shows the same figure
// without the attack beside it.
package attack
