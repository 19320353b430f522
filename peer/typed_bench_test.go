package peer

import (
	"testing"

	"github.com/packetmq/packetmq/registry"
)

// BenchmarkMemoryRoundTripTyped is BenchmarkMemoryRoundTripRaw with packets that
// are decoded and encoded.
func BenchmarkMemoryRoundTripTyped(b *testing.B) {
	done := make(chan struct{})
	var ping registry.Packet[note]
	n := 0
	c := couple(b, func(h Host, reg *registry.Registry) {
		ping := registry.MustAdd[note](reg, "b:ping", 17)
		pong := registry.MustAdd[note](reg, "b:pong", 18)
		Handle(h, ping, func(c *Conn, v *note) error { return Reply(c, pong, v) })
	}, func(h Host, reg *registry.Registry) {
		ping = registry.MustAdd[note](reg, "b:ping", 17)
		pong := registry.MustAdd[note](reg, "b:pong", 18)
		Handle(h, pong, func(c *Conn, v *note) error {
			if n++; n == b.N {
				close(done)
				return nil
			}
			return Reply(c, ping, v)
		})
	})
	b.ReportAllocs()
	b.ResetTimer()
	c.Loop().Post(func() { Reply(c, ping, &note{N: 1, Text: "text"}) })
	<-done
}

// BenchmarkSendTyped is what it takes another goroutine to send a packet that is
// encoded.
func BenchmarkSendTyped(b *testing.B) {
	var ping registry.Packet[note]
	c := couple(b, func(h Host, reg *registry.Registry) {
		ping := registry.MustAdd[note](reg, "b:ping", 17)
		Handle(h, ping, func(*Conn, *note) error { return nil })
	}, func(h Host, reg *registry.Registry) { ping = registry.MustAdd[note](reg, "b:ping", 17) })
	v := &note{N: 1, Text: "text"}
	b.ReportAllocs()
	for b.Loop() {
		for Send(c, ping, v) != nil { // no room
		}
	}
}
