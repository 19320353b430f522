package engine

import (
	"runtime"
	"testing"
)

// While much waits the heap is collected, and when that is over it is given back: what
// waited does not stay with the process.
func TestMemoryComesBack(t *testing.T) {
	const much = 200 << 20
	for name, wait200 := range map[string]func(t *testing.T, c *Conn) (over func()){
		"output": func(t *testing.T, c *Conn) func() {
			for message := make([]byte, 1<<20); c.Pending() < much; {
				if err := c.Queue(message); err != nil {
					t.Fatal(err)
				}
			}
			return func() {}
		},
		"input": func(t *testing.T, c *Conn) func() {
			held, k := make([]byte, much), new(Kept)
			c.Loop().Post(func() { c.Keep(k, len(held)) })
			return func() {
				c.Loop().Post(func() {
					c.Keep(k, 0)
					held = nil
				})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, &Config{MaxPending: 256 << 20, MaxTotalPending: 512 << 20, SoftPending: 256 << 20})
			c, ended := kept(t, r)
			runtime.GC()
			runtime.GC()
			before := heapBytes()
			over := wait200(t, c)
			eventually(t, "a collector", r.collecting.Load)
			if n := heapBytes(); n < before+150<<20 {
				t.Fatalf("%d bytes of heap, and 200 MiB wait", n)
			}
			over()
			c.Abort(nil)
			wait(t, "the end", ended)
			eventually(t, "the heap's return", func() bool { return !r.collecting.Load() && heapBytes() < before+100<<20 })
		})
	}
}

// kept is a conn of a socket that nobody reads.
func kept(t *testing.T, r *Reactor) (*Conn, chan error) {
	t.Helper()
	opened, ended := make(chan *Conn, 1), make(chan error, 1)
	serve(t, r, &hooks{
		opened: func(c *Conn) { opened <- c },
		closed: func(_ *Conn, err error) { ended <- err },
	})
	return wait(t, "conn", opened), ended
}
