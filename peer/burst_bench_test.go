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

// BenchmarkBurst is what a packet costs that is answered, and a share of input
// with one, 16 or 64 of them, without what a system call or a memory pair costs.
func BenchmarkBurst(b *testing.B) {
	for _, packets := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(packets), func(b *testing.B) {
			reg := registry.New()
			echo := registry.MustAdd[note](reg, "b:echo", 17).In(reg)
			srv := NewServer(reg, &Config{Identity: Identity{SkipHandshake: true}})
			srv.Untyped().HandleRaw(echo, func(c *Conn, p []byte) error { return c.ReplyRaw(echo, p) })
			b.Cleanup(func() { srv.Close() })
			if err := srv.RunAsync(); err != nil {
				b.Fatal(err)
			}
			f := &feed{left: (b.N + packets - 1) / packets, opened: make(chan struct{}), done: make(chan struct{})}
			for range packets {
				f.burst = codec.AppendFrame(f.burst, 17, make([]byte, 64))
			}
			c, err := srv.newConn()
			if err != nil {
				b.Fatal(err)
			}
			if err := srv.Reactor().Attach(f, &c.link, c.engineHandler(), nil); err != nil {
				b.Fatal(err)
			}
			<-f.opened
			b.ReportAllocs()
			b.ResetTimer()
			f.sink.Wake(nil)
			<-f.done
			b.StopTimer()
			if want := (b.N + packets - 1) / packets; f.out < (want-1)*len(f.burst) {
				b.Fatalf("%d bytes came out", f.out)
			}
		})
	}
}
