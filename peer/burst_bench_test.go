package peer

import (
	"fmt"
	"testing"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// feed is a transport that brings the same input until it has brought it often
// enough, and throws away what is written to it.
type feed struct {
	burst  []byte
	left   int
	out    int
	pool   *engine.Cache
	sink   engine.Sink
	opened chan struct{} // closed by Open
	done   chan struct{}
}

func (f *feed) Open(s engine.Sink) { f.sink, f.pool = s, s.Loop().Buffers(); close(f.opened) }

func (f *feed) Pump() (more bool) {
	if f.left == 0 {
		return false
	}
	if n := f.sink.Received(f.burst); n != len(f.burst) {
		panic(fmt.Sprintf("%d of %d bytes were taken", n, len(f.burst)))
	}
	if f.left--; f.left == 0 {
		close(f.done)
	}
	return f.left > 0
}

func (f *feed) Write(b *engine.Buffer) error {
	f.out += len(b.B)
	f.pool.Put(b)
	return nil
}

func (f *feed) Buffered() int     { return 0 }
func (f *feed) CloseWrite() error { return nil }
func (f *feed) Close()            {}

// BenchmarkBurst is what a packet costs that is answered, and a share of input with 1, 4, 16 or
// 64 of them, of one conn or of 1,000 in turns, without what a system call or a memory pair costs.
func BenchmarkBurst(b *testing.B) {
	for _, by := range []struct{ packets, conns int }{{1, 1}, {16, 1}, {64, 1}, {1, 1000}, {4, 1000}} {
		b.Run(fmt.Sprintf("%d×%d", by.conns, by.packets), func(b *testing.B) {
			reg := registry.New()
			echo := registry.MustAdd[note](reg, "b:echo", 17).In(reg)
			srv := NewServer(reg, &Config{Identity: Identity{SkipHandshake: true}})
			srv.Untyped().HandleRaw(echo, func(c *Conn, p []byte) error { return c.ReplyRaw(echo, p) })
			b.Cleanup(func() { srv.Close() })
			if err := srv.RunAsync(); err != nil {
				b.Fatal(err)
			}
			var burst []byte
			for range by.packets {
				burst = codec.AppendFrame(burst, 17, make([]byte, 64))
			}
			each := by.packets * by.conns
			feeds := make([]*feed, by.conns)
			for i := range feeds {
				f := &feed{burst: burst, left: (b.N + each - 1) / each, opened: make(chan struct{}), done: make(chan struct{})}
				c, err := srv.newConn()
				if err != nil {
					b.Fatal(err)
				}
				if err := srv.Reactor().Attach(f, &c.link, c.engineHandler(), nil); err != nil {
					b.Fatal(err)
				}
				<-f.opened
				feeds[i] = f
			}
			b.ReportAllocs()
			b.ResetTimer()
			srv.Reactor().Post(func() {
				for _, f := range feeds {
					f.sink.Wake(nil)
				}
			})
			for _, f := range feeds {
				<-f.done
			}
			b.StopTimer()
			for _, f := range feeds {
				if want := (b.N + each - 1) / each; f.out < (want-1)*len(burst) {
					b.Fatalf("%d bytes came out", f.out)
				}
			}
		})
	}
}
