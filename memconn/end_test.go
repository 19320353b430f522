package memconn_test

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/memconn"
)

// port is an engine.Sink without an engine: whoever holds it is its loop. That
// brings the two ends of a pair closer together than loops ever do.
type port struct {
	end    *memconn.End
	pool   engine.Pool        // of what is written to end
	take   func(b []byte) int // nil: all
	loop   *engine.Loop       // of what holds it; it is not run
	woken  chan struct{}
	got    int64
	over   bool
	closed bool
}

// ports returns the two ends of a pair, open.
func ports() (a, b *port) { return portsOn(nil) }

// portsOn is ports on one loop.
func portsOn(loop *engine.Loop) (a, b *port) {
	a, b = &port{woken: make(chan struct{}, 1), loop: loop}, &port{woken: make(chan struct{}, 1), loop: loop}
	a.end, b.end = memconn.Pair(&a.pool, &b.pool)
	a.end.Open(a)
	b.end.Open(b)
	return a, b
}

// nearAndFar runs a test with ports on two loops, and on one, where the reader
// has as many buffers as ahead says before any is on its way.
func nearAndFar(t *testing.T, test func(t *testing.T, a, b *port, ahead int)) {
	t.Run("two loops", func(t *testing.T) {
		a, b := ports()
		test(t, a, b, 0)
	})
	t.Run("one loop", func(t *testing.T) {
		v := engine.NewVirtual(nil)
		defer v.Close()
		a, b := portsOn(v.Reactor().Loops()[0])
		test(t, a, b, 1)
	})
}

func (p *port) Received(b []byte) int {
	n := len(b)
	if p.take != nil {
		n = p.take(b)
	}
	p.got += int64(n)
	return n
}

func (p *port) Ended(error)        { p.over = true }
func (p *port) Loop() *engine.Loop { return p.loop }
func (p *port) Wake(*engine.Loop) {
	select {
	case p.woken <- struct{}{}:
	default:
	}
}

// write hands over msg itself, uncopied: nobody here writes to it, but for the
// debug build.
func (p *port) write(t *testing.T, msg []byte) {
	if debugBuild {
		msg = bytes.Clone(msg)
	}
	b := p.pool.Get()
	b.B = msg
	if err := p.end.Write(b); err != nil {
		t.Error(err)
	}
}

// run is the port's loop, until it has received n bytes or its end is over.
func (p *port) run(n int64) {
	for p.got < n && !p.over {
		<-p.woken
		for p.end.Pump() {
		}
	}
}

// close closes the end, once.
func (p *port) close() {
	if !p.closed {
		p.closed = true
		p.end.Close()
	}
}

// allBack closes both ends and checks that all buffers are back.
func allBack(t *testing.T, a, b *port) {
	t.Helper()
	a.close()
	b.close()
	if n := a.pool.Out() + b.pool.Out(); n != 0 {
		t.Errorf("%d buffers not back", n)
	}
}

// A writer that waits for room is woken whenever there is some, and a reader
// whenever there is input: the ring is full and empty again all the time.
func TestNoWakeUpIsLost(t *testing.T) {
	total := 100_000
	if debugBuild {
		total = 1_000 // all of it is copied, and overwritten
	}
	sizes := map[string]int{"slots": 1, "bytes": memconn.Window + 1}
	for name, size := range sizes {
		t.Run(name, func(t *testing.T) {
			msg := make([]byte, size)
			a, b := ports()
			read := make(chan struct{})
			go func() { b.run(int64(total) * int64(size)); close(read) }()
			written := make(chan struct{})
			go func() {
				defer close(written)
				for range total {
					a.write(t, msg)
					for a.end.Buffered() > 0 {
						<-a.woken
						a.end.Pump()
					}
				}
			}()
			wait(t, "last write", written)
			wait(t, "last byte", read)
			allBack(t, a, b)
		})
	}
}

// The end comes after all input, however closely it follows.
func TestEndComesLast(t *testing.T) {
	ends := map[string]func(p *port){
		"CloseWrite": func(p *port) { p.end.CloseWrite() },
		"Close":      (*port).close,
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			for round := range 20_000 {
				a, b := ports()
				read := make(chan struct{})
				go func() {
					for !b.over { // does not wait to be woken
						b.end.Pump()
						runtime.Gosched()
					}
					close(read)
				}()
				a.write(t, []byte("end"))
				end(a)
				<-read
				if b.got != 3 {
					t.Fatalf("round %d: the end came after %d bytes, want 3", round, b.got)
				}
				allBack(t, a, b)
			}
		})
	}
}
