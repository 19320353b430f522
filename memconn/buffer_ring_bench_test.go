package memconn

import (
	"runtime"
	"sync"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/ringbuf"
)

// carrier is what could be the channel from one end to the other. Neither call
// waits: a loop that is refused has other things to do.
type carrier interface {
	push(b *engine.Buffer) bool
	pop() *engine.Buffer
}

// goChannel is a Go channel.
type goChannel chan *engine.Buffer

func (c goChannel) push(b *engine.Buffer) bool {
	select {
	case c <- b:
		return true
	default:
		return false
	}
}

func (c goChannel) pop() *engine.Buffer {
	select {
	case b := <-c:
		return b
	default:
		return nil
	}
}

// lockedRing is a ringbuf.Ring. Its owner brings the lock, which it needs because
// the ends may be on two loops.
type lockedRing struct {
	mu   sync.Mutex
	ring ringbuf.Ring[*engine.Buffer]
}

func (r *lockedRing) push(b *engine.Buffer) bool {
	r.mu.Lock()
	room := r.ring.Len() < Slots
	if room {
		r.ring.Push(b)
	}
	r.mu.Unlock()
	return room
}

func (r *lockedRing) pop() *engine.Buffer {
	r.mu.Lock()
	b, _ := r.ring.Pop()
	r.mu.Unlock()
	return b
}

// The ring beside what else could carry buffers: on one goroutine, as where both
// ends are on one loop, and from one goroutine to another. The time is that of
// one buffer.
func BenchmarkCarrier(b *testing.B) {
	carriers := []struct {
		name string
		make func() carrier
	}{
		{"bufferRing", func() carrier { return new(bufferRing) }},
		{"Go channel", func() carrier { return make(goChannel, Slots) }},
		{"ringbuf and a mutex", func() carrier { return new(lockedRing) }},
	}
	for _, c := range carriers {
		b.Run(c.name+"/one goroutine", func(b *testing.B) { carryAlone(b, c.make(), 1) })
		b.Run(c.name+"/one goroutine, 32 at a time", func(b *testing.B) { carryAlone(b, c.make(), 32) })
		b.Run(c.name+"/two goroutines", func(b *testing.B) { carryAcross(b, c.make()) })
	}
}

func carryAlone(b *testing.B, c carrier, batch int) {
	buf := new(engine.Buffer)
	b.ReportAllocs()
	for left := b.N; left > 0; left -= batch {
		for range batch {
			c.push(buf)
		}
		for range batch {
			c.pop()
		}
	}
}

func carryAcross(b *testing.B, c carrier) {
	buf := new(engine.Buffer)
	b.ReportAllocs()
	var reader sync.WaitGroup
	reader.Go(func() {
		for got := 0; got < b.N; {
			if c.pop() == nil {
				runtime.Gosched()
				continue
			}
			got++
		}
	})
	for range b.N {
		for !c.push(buf) {
			runtime.Gosched()
		}
	}
	reader.Wait()
}
