package engine

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// What Queue and Out take leaves in that order, whoever called.
func TestOrderOfOutAndQueue(t *testing.T) {
	r := start(t, nil)
	nc := serve(t, r, &hooks{received: func(c *Conn, b []byte) int {
		for i := byte(0); i < 10; i += 2 {
			out := c.Out()
			out.B = append(out.B, '0'+i)
			c.Queue([]byte{'1' + i})
		}
		return len(b)
	}})
	nc.SetDeadline(time.Now().Add(patience))
	io.WriteString(nc, "x")
	got := make([]byte, 10)
	if _, err := io.ReadFull(nc, got); err != nil {
		t.Fatal(err)
	}
	if string(got) != "0123456789" {
		t.Errorf("got %q", got)
	}
}

func TestSlowConsumerIsEnded(t *testing.T) {
	const bound = 1 << 20
	r := start(t, &Config{MaxPending: bound})
	why := make(chan error, 1)
	conns := make(chan *Conn, 1)
	serve(t, r, &hooks{
		opened: func(c *Conn) { conns <- c },
		closed: func(c *Conn, err error) { why <- err },
	})
	c := wait(t, "conn", conns)
	chunk := make([]byte, 64<<10)
	for range 1 << 16 {
		if err := c.Queue(chunk); err != nil {
			if !errors.Is(err, ErrBackpressure) {
				t.Errorf("Queue: %v", err)
			}
			break
		}
		if n := c.Pending(); n > bound {
			t.Fatalf("%d bytes pending, bound is %d", n, bound)
		}
	}
	c.Abort(ErrSlowConsumer)
	if err := wait(t, "close", why); !errors.Is(err, ErrSlowConsumer) {
		t.Errorf("closed because of %v, want ErrSlowConsumer", err)
	}
	if err := c.Queue(chunk); err == nil {
		t.Error("Queue took more for a conn that has ended")
	}
}

// A share of a turn: what the handler leaves comes again, in order, with the
// others served in between.
func TestRestComesAgain(t *testing.T) {
	r := start(t, nil)
	var got bytes.Buffer
	done := make(chan string, 1)
	const msg = "the quick brown fox jumps over the lazy dog"
	nc := serve(t, r, &hooks{received: func(c *Conn, b []byte) int {
		n := min(3, len(b))
		got.Write(b[:n])
		if got.Len() == len(msg) {
			done <- got.String()
		}
		return n
	}})
	io.WriteString(nc, msg)
	if s := wait(t, "all of it", done); s != msg {
		t.Errorf("got %q", s)
	}
}

var closes = flag.Int("engine.closes", 2500, "how many conns TestOldConnsNeverReachNewSockets closes")

// Writers that hold on to conns that have ended never reach the client that has
// the descriptor by then.
func TestOldConnsNeverReachNewSockets(t *testing.T) {
	rounds := *closes
	if testing.Short() {
		rounds = min(rounds, 500)
	}
	const dialers = 32
	r := start(t, nil)
	var mu sync.Mutex
	var old []*Conn
	tag := func(c *Conn) []byte { return fmt.Appendf(nil, "%-21s|", c.RemoteAddr()) }
	ln := listen(t, r, &hooks{opened: func(c *Conn) {
		mu.Lock()
		defer mu.Unlock()
		if old = append(old, c); len(old) > 4*dialers {
			old = old[1:]
		}
	}})
	var stop atomic.Bool
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			for i := w; !stop.Load(); i++ {
				mu.Lock()
				n := len(old)
				if n == 0 {
					mu.Unlock()
					runtime.Gosched()
					continue
				}
				c := old[i%n]
				mu.Unlock()
				c.Queue(tag(c))
				runtime.Gosched()
			}
		})
	}
	defer writers.Wait()
	defer stop.Store(true)
	foreign := make(chan string, 1)
	bad := func(what string) {
		select {
		case foreign <- what:
		default: // one says it
		}
	}
	var read atomic.Int64
	var clients sync.WaitGroup
	for range dialers {
		clients.Go(func() {
			for range rounds / dialers {
				nc, err := net.Dial("tcp", ln.Addr().String())
				if err != nil {
					bad(err.Error())
					return
				}
				mine := fmt.Appendf(nil, "%-21s|", nc.LocalAddr())
				got := make([]byte, 64*len(mine))
				nc.SetReadDeadline(time.Now().Add(time.Millisecond))
				n, _ := io.ReadAtLeast(nc, got, len(mine))
				read.Add(int64(n))
				for i := range n {
					if got[i] != mine[i%len(mine)] {
						bad("foreign bytes: " + string(got[:n]))
						break
					}
				}
				nc.(*net.TCPConn).SetLinger(0)
				nc.Close()
			}
		})
	}
	clients.Wait()
	if len(foreign) > 0 {
		t.Errorf("%q", <-foreign)
	}
	if read.Load() == 0 {
		t.Error("nothing was read")
	}
	t.Logf("%d conns, %d bytes read, none foreign: %v", rounds, read.Load(), !t.Failed())
}
