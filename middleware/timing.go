package middleware

// Timing: how long handlers take.

import (
	"time"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// Timing has done called after each packet with how long the handler took, with all that lies
// between, and with the error that came back. A handler's time is time in which its loop does
// nothing else. A packet whose handler panics is not told.
//
// The clock is time.Now, in a simulation too: it measures what this machine computes. Reading
// it twice costs some 0.1 µs.
func Timing(done func(t *registry.Type, took time.Duration, err error)) peer.Middleware {
	mustHave(done != nil, "Timing")
	return func(next peer.Next) peer.Next {
		return func(in *peer.Incoming) error {
			began := time.Now()
			err := next(in)
			done(in.Packet(), time.Since(began), err)
			return err
		}
	}
}
