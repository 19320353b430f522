package e2e

import (
	"fmt"
	"testing"

	"github.com/packetmq/packetmq/peer"
)

// A client does the handshake, takes over the ids, and sends and gets a packet. Its reason
// reaches the server.
func TestOnePacket(t *testing.T) {
	type seen struct {
		N                     int32
		Text, Version, Reason string
	}
	var s *side
	everywhere(t, "note", func(t testing.TB) string {
		return listen(t, func(side *side) {
			s = side
			peer.Handle(s, note, func(c *peer.Conn, v *Note) error { return peer.Reply(c, echo, v) })
		})
	}, func(t *testing.T, got seen) {
		if want := (seen{7, "hello from a script", "server 3", "reason.bye"}); got != want {
			t.Errorf("the script has seen %+v, want %+v", got, want)
		}
		if version := next(t, "conn", s.made).Remote().Version(); version != "1.2" {
			t.Errorf("the server was told version %q", version)
		}
		if reason := next(t, "end", s.lost); reason != error(peer.Reason("reason.bye")) {
			t.Errorf("the server was told %v", reason)
		}
	})
}

// Ten thousand packets come in order, in both directions at once.
func TestManyPacketsInOrder(t *testing.T) {
	type seen struct {
		Got   int
		Wrong string
	}
	var server *side
	var wrong error // loop only, until the conn is lost
	everywhere(t, "order", func(t testing.TB) string {
		var n int32 // loop only
		return listen(t, func(s *side) {
			server = s
			peer.Handle(s, note, func(c *peer.Conn, v *Note) error {
				if v.N != n || v.Text != fmt.Sprintf("packet %d", n) {
					wrong = fmt.Errorf("packet %d (%s) came where %d was to come", v.N, v.Text, n)
				}
				n++
				return peer.Reply(c, echo, v)
			})
		})
	}, func(t *testing.T, got seen) {
		next(t, "end", server.lost)
		if want := (seen{Got: 10000}); got != want || wrong != nil {
			t.Errorf("the script has seen %+v, want %+v; the server: %v", got, want, wrong)
		}
	})
}

// BenchmarkThroughput has a script send small packets that the server sends back, and prints
// how many a second there were, each way.
func BenchmarkThroughput(b *testing.B) {
	for name, start := range runners {
		b.Run(name, func(b *testing.B) {
			run := start(b)
			addr := listen(b, func(s *side) {
				peer.Handle(s, note, func(c *peer.Conn, v *Note) error { return peer.Reply(c, echo, v) })
			})
			for b.Loop() {
				var seen struct{ Echoed float64 }
				read(b, run(b, "throughput", addr), &seen)
				b.ReportMetric(seen.Echoed, "packets/s-each-way")
			}
		})
	}
}
