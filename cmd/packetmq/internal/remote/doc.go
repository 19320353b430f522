// Package remote talks to another side of which nothing is known but its address: it learns
// the packets from the handshake.
//
//	told, err := remote.Learn(ctx, "tcp://localhost:7000", remote.Options{})
//	for _, p := range told.Packets {
//		fmt.Println(p.ID, p.Name)
//	}
//
// Both sides of a conn must have the same packets. So a Learn makes a conn, reads what the
// other side tells of itself, and ends it with reason.generic; Connect makes a second one with
// these packets, all of them without a Go type.
//
// All functions wait, and may be called on any goroutine but those of loops.
package remote
