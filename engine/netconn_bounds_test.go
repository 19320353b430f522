package engine

import (
	"bytes"
	"errors"
	"io"
	"os"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// While the loop is busy, no more than the bound is read; then all arrives, in
// order.
func TestInjectedInputIsBounded(t *testing.T) {
	const bound = (streamSlots + 2) * streamRead
	r := start(t, nil)
	var got bytes.Buffer
	all := make(chan struct{})
	sent := make([]byte, 4*bound)
	for i := range sent {
		sent[i] = byte(i >> 8)
	}
	_, pipe := inject(t, r, &hooks{received: func(c *Conn, b []byte) int {
		n := min(len(b), 5000) // a share
		got.Write(b[:n])
		if got.Len() == len(sent) {
			close(all)
		}
		return n
	}})
	release, busy := make(chan struct{}), make(chan struct{})
	r.Post(func() { close(busy); <-release })
	wait(t, "busy loop", busy)
	pipe.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
	n, err := pipe.Write(sent)
	if !errors.Is(err, os.ErrDeadlineExceeded) || n > bound {
		t.Errorf("wrote %d bytes, %v; want at most %d and a time-out", n, err, bound)
	}
	close(release)
	pipe.SetWriteDeadline(time.Time{})
	if _, err := pipe.Write(sent[n:]); err != nil {
		t.Fatal(err)
	}
	wait(t, "last byte", all)
	if !bytes.Equal(got.Bytes(), sent) {
		t.Error("the bytes are not in order")
	}
}

func TestInjectedOutputIsBounded(t *testing.T) {
	r := start(t, &Config{MaxPending: 1 << 20, SoftPending: 1 << 19, SoftTime: 50 * time.Millisecond})
	ended := make(chan error, 1)
	pressed := make(chan bool, 10)
	c, _ := inject(t, r, &hooks{
		pressure: func(_ *Conn, above bool) { pressed <- above },
		closed:   func(_ *Conn, err error) { ended <- err },
	})
	packet := make([]byte, 1000)
	for {
		err := c.Queue(packet)
		if errors.Is(err, ErrBackpressure) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if above := wait(t, "pressure", pressed); !above {
		t.Error("the pressure fell")
	}
	if n := c.Pending(); n < 1<<19 || n > 1<<20 {
		t.Errorf("Pending() = %d", n)
	}
	if err := wait(t, "end", ended); !errors.Is(err, ErrSlowConsumer) {
		t.Errorf("closed because of %v", err)
	}
}

// What many goroutines and callbacks send arrives whole and in order.
func TestInjectedOutputIsInOrder(t *testing.T) {
	r := start(t, nil)
	c, pipe := inject(t, r, &hooks{})
	const each = 20000
	var wg sync.WaitGroup
	for who := range 3 {
		wg.Go(func() {
			for n := 0; n < each; {
				if c.Pending() > 1<<19 {
					runtime.Gosched()
					continue
				}
				if err := c.Queue([]byte{byte(who), byte(n >> 8), byte(n)}); err != nil {
					t.Error(err)
					return
				}
				n++
			}
		})
	}
	got := make([]byte, 3*3*each)
	pipe.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.ReadFull(pipe, got); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	var next [3]int
	for ; len(got) > 0; got = got[3:] {
		who, n := got[0], int(got[1])<<8|int(got[2])
		if n != next[who] {
			t.Fatalf("packet %d of %d came where %d was due", n, who, next[who])
		}
		next[who]++
	}
}

// Output that has left is noticed by its leaving, not by the clock.
func TestInjectedOutputIsRelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := NewVirtual(nil)
		settle := func() {
			for synctest.Wait(); v.Pending(0); synctest.Wait() {
				v.Settle(1000)
			}
		}
		c, pipe := inject(t, v.Reactor(), &hooks{})
		c.Queue([]byte("hello"))
		c.Finish(time.Second)
		settle()
		if n := c.Pending(); n != 5 {
			t.Errorf("Pending() = %d, want the 5 that are not read", n)
		}
		if _, err := io.ReadFull(pipe, make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		settle()
		if n := c.Pending(); n != 0 || c.state != halfClosed {
			t.Errorf("Pending() = %d in phase %d", n, c.state)
		}
		v.Close()
	})
}
