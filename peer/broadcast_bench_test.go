package peer

import (
	"fmt"
	"testing"

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
