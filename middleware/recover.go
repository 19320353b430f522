package middleware

// Recover: an answer to panics.

import "github.com/packetmq/packetmq/peer"

// Recover has answer called when the handler panics, or middleware inside of this one, with
// what was given to panic. What answer returns takes the place of the handler's error: with
// nil the conn goes on, where a panic would have ended it. What was sent before the panic
// stays sent, and what the handler has left half changed stays so.
//
// The panic is logged nowhere unless answer does that; debug.Stack called in it shows where
// it was. A panic in answer itself ends the conn as any does.
//
// runtime.Goexit is no panic and cannot be recovered from: it ends the conn.
func Recover(answer func(in *peer.Incoming, panicked any) error) peer.Middleware {
	mustHave(answer != nil, "Recover")
	return func(next peer.Next) peer.Next {
		return func(in *peer.Incoming) (err error) {
			defer func() {
				if v := recover(); v != nil {
					err = answer(in, v)
				}
			}()
			return next(in)
		}
	}
}
