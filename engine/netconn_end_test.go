package engine

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/leak"
)

// Finish sends all, says so, and waits for the other side, where the conn can.
func TestInjectedFinish(t *testing.T) {
	r := start(t, nil)
	ended := make(chan error, 1)
	sent := bytes.Repeat([]byte("0123456789"), 50_000)
	h := &hooks{
		opened: func(c *Conn) {
			out := c.Out()
			out.B = append(out.B, sent...)
			c.Finish(patience)
		},
		closed: func(_ *Conn, err error) { ended <- err },
	}
	t.Run("half close", func(t *testing.T) {
		tcp, other := tcpPair(t)
		if err := r.Inject(tcp, new(Conn), h); err != nil {
			t.Fatal(err)
		}
		other.SetDeadline(time.Now().Add(patience))
		if got, err := io.ReadAll(other); err != nil || !bytes.Equal(got, sent) {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
		if _, err := other.Write([]byte("too late")); err != nil {
			t.Error(err)
		}
		select {
		case err := <-ended:
			t.Errorf("it did not wait for the other side: %v", err)
		default:
		}
		other.Close()
		if err := wait(t, "end", ended); err != nil {
			t.Errorf("closed because of %v", err)
		}
	})
	t.Run("no half close", func(t *testing.T) {
		_, pipe := inject(t, r, h)
		pipe.SetDeadline(time.Now().Add(patience))
		if got, err := io.ReadAll(pipe); err != nil || !bytes.Equal(got, sent) {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
		if err := wait(t, "end", ended); err != nil {
			t.Errorf("closed because of %v", err)
		}
	})
	t.Run("not taken", func(t *testing.T) {
		c, _ := inject(t, r, &hooks{closed: h.closed})
		c.Queue(sent)
		c.Finish(time.Millisecond)
		if err := wait(t, "end", ended); !errors.Is(err, ErrFlushTimeout) {
			t.Errorf("closed because of %v", err)
		}
		if n := c.Pending(); n != len(sent) {
			t.Errorf("Pending() = %d, want the %d that are lost", n, len(sent))
		}
	})
}

// The end comes once, after all input.
func TestInjectedEnd(t *testing.T) {
	r := start(t, nil)
	var got []byte
	ended := make(chan error, 2)
	_, pipe := inject(t, r, &hooks{
		received: func(_ *Conn, b []byte) int { got = append(got, b[0]); return 1 },
		closed:   func(_ *Conn, err error) { ended <- err },
	})
	io.WriteString(pipe, "abc")
	io.WriteString(pipe, "def")
	pipe.Close()
	if err := wait(t, "end", ended); err != io.EOF {
		t.Errorf("closed because of %v", err)
	}
	if string(got) != "abcdef" {
		t.Errorf("got %q before the end", got)
	}
	r.Close()
	if len(ended) > 0 {
		t.Error("a second end")
	}
}

// stubborn does not close before whatever it is doing has ended, and that ends
// at a deadline only.
type stubborn struct {
	net.Conn
	mu sync.Mutex
}

func (s *stubborn) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Conn.Write(b)
}

func (s *stubborn) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Conn.Close()
}

// Close leaves nothing, whatever the goroutines are doing.
func TestInjectedCloseInTheMiddle(t *testing.T) {
	full := bytes.Repeat([]byte("x"), 2*streamSlots*streamRead)
	for name, test := range map[string]struct {
		wrap  func(nc net.Conn) net.Conn
		input bool // the other side fills the channel while the loop is busy
		out   int
	}{
		"reading":           {},
		"channel full":      {input: true},
		"writing":           {out: 1000},
		"both":              {input: true, out: 1 << 20},
		"stubborn, writing": {wrap: func(nc net.Conn) net.Conn { return &stubborn{Conn: nc} }, out: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			r := New(nil)
			if err := r.RunAsync(); err != nil {
				t.Fatal(err)
			}
			ours, theirs := net.Pipe()
			defer theirs.Close()
			nc := watch(ours)
			var whole net.Conn = nc
			if test.wrap != nil {
				whole = test.wrap(nc)
			}
			ended := make(chan error, 1)
			opened := make(chan struct{})
			c := new(Conn)
			r.Inject(whole, c, &hooks{
				opened: func(*Conn) { close(opened) },
				closed: func(_ *Conn, err error) { ended <- err },
			})
			wait(t, "conn", opened)
			release, busy := make(chan struct{}), make(chan struct{})
			if test.out > 0 {
				c.Queue(make([]byte, test.out))
				wait(t, "write", nc.writing)
			}
			r.Post(func() { close(busy); <-release })
			wait(t, "busy loop", busy)
			if test.input {
				theirs.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
				if _, err := theirs.Write(full); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("filling it: %v", err)
				}
			}
			c.Abort(errBroken)
			close(release)
			if err := wait(t, "end", ended); !errors.Is(err, errBroken) {
				t.Errorf("closed because of %v", err)
			}
			r.Close()
			select {
			case <-nc.closed:
			default:
				t.Error("the conn is open when the reactor has closed")
			}
			if n := r.Buffers().Out(); n != 0 {
				t.Errorf("%d buffers are left", n)
			}
		})
	}
}

func TestInjectedShutdown(t *testing.T) {
	leak.Check(t)
	r := New(nil)
	if err := r.RunAsync(); err != nil {
		t.Fatal(err)
	}
	opened := make(chan struct{})
	tcp, other := tcpPair(t)
	const size = 4 << 20
	r.Inject(tcp, new(Conn), &hooks{opened: func(c *Conn) {
		out := c.Out()
		out.B = append(out.B, make([]byte, size)...)
		close(opened)
	}})
	wait(t, "conn", opened)
	read := make(chan int64, 1)
	go func() {
		n, _ := io.Copy(io.Discard, other)
		other.Close()
		read <- n
	}()
	if err := r.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if n := wait(t, "end of the stream", read); n != size {
		t.Errorf("%d bytes arrived, want %d", n, size)
	}
}
