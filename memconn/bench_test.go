package memconn_test

import (
	"testing"

	"github.com/packetmq/packetmq/engine"
)

// One message of 64 bytes to the other side and back.
func BenchmarkRoundTrip(b *testing.B) {
	for _, p := range places {
		b.Run(p.name, func(b *testing.B) {
			r := newRally(b, p, 64)
			r.play(1000)
			b.ReportAllocs()
			b.ResetTimer()
			r.play(b.N)
		})
	}
}

// Messages of 64 bytes to the other side, as many as fit into a batch at every
// callback; the time is that of one message.
func BenchmarkOneWay(b *testing.B) {
	const size, batch = 64, 64
	for _, p := range places {
		b.Run(p.name, func(b *testing.B) {
			at := p.start(b, engine.Config{})
			done := make(chan struct{}, 1)
			sent, got, want := 0, 0, 0
			reader := &side{received: func(_ *engine.Conn, b []byte) int {
				if got += len(b) / size; got == want {
					done <- struct{}{}
				}
				return len(b)
			}}
			writer := &side{}
			at.connect(b, writer, reader)
			msg := make([]byte, size)
			var send func()
			send = func() {
				if writer.Pending() < 1<<20 { // else the reader catches up first
					out := writer.Out()
					for range min(batch, want-sent) {
						out.B = append(out.B, msg...)
						sent++
					}
				}
				if sent < want {
					at.la.Post(send)
				}
			}
			run := func(n int) {
				sent, got, want = 0, 0, n
				at.la.Post(send)
				<-done
			}
			run(1000)
			b.ReportAllocs()
			b.SetBytes(size)
			b.ResetTimer()
			run(b.N)
		})
	}
}
