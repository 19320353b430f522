//go:build unix

package peer

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// BenchmarkBroadcast is what a Broadcast costs for each of 100 conns, without what a system
// call costs: their transports throw away what is written.
func BenchmarkBroadcast(b *testing.B) {
	const conns = 100
	for _, size := range []int{64, 1 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			reg := registry.New()
			news := registry.MustAdd[[]byte](reg, "b:news", 17)
			srv := NewServer(reg, &Config{Identity: Identity{SkipHandshake: true}})
			b.Cleanup(func() { srv.Close() })
			if err := srv.RunAsync(); err != nil {
				b.Fatal(err)
			}
			for range conns {
				f := &feed{opened: make(chan struct{})}
				c, err := srv.newConn()
				if err != nil {
					b.Fatal(err)
				}
				if err := srv.Reactor().Attach(f, &c.link, c.engineHandler(), nil); err != nil {
					b.Fatal(err)
				}
				<-f.opened
			}
			v, done := make([]byte, size), make(chan error, 1)
			loop := srv.Reactor().Loops()[0]
			n := 0
			var again func()
			again = func() {
				if n >= b.N {
					done <- nil
					return
				}
				n += conns
				if err := Broadcast(srv, news, &v); err != nil {
					done <- err
					return
				}
				loop.Post(again)
			}
			b.ReportAllocs()
			b.ResetTimer()
			loop.Post(again)
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkBroadcastToStalled is how much of the heap packets of 400 KiB in all take that
// wait for 1,000 conns which read nothing. The kernel has some of them.
func BenchmarkBroadcastToStalled(b *testing.B) {
	const conns, sent = 1000, 400 << 10
	for _, size := range []int{1 << 10, 16 << 10, 64 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s := newSide(false, 17, 18)
			made := make(chan *Conn, conns)
			s.cfg.OnMade = func(c *Conn) { made <- c }
			s.cfg.OnLost = nil
			s.cfg.Engine = &engine.Config{SendBuffer: 4 << 10, MaxTotalPending: 1 << 30}
			srv := NewServer(s.reg, &s.cfg)
			b.Cleanup(func() { srv.Close() })
			ln, err := srv.Listen("127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			if err := srv.RunAsync(); err != nil {
				b.Fatal(err)
			}
			for range conns {
				fd := dialBare(b, ln)
				b.Cleanup(func() { unix.Close(fd) })
				<-made
			}
			before := heap()
			v := &note{1, strings.Repeat("x", size)}
			for range sent / size {
				if err := Broadcast(srv, s.pong, v); err != nil {
					b.Fatal(err)
				}
				srv.Reactor().Loops()[0].Call(b.Context(), func() {}) // one write for each
			}
			waiting := 0
			for c := range srv.Conns() {
				waiting += c.Pending()
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(waiting), "waiting-B")
			b.ReportMetric(float64(int(heap())-int(before)), "heap-B")
		})
	}
}
