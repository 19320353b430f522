package engine

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/packetmq/packetmq/internal/leak"
)

// watched is a net.Conn that tells when it is written to and closed.
type watched struct {
	net.Conn
	writing, closed chan struct{}
}

func watch(nc net.Conn) *watched {
	return &watched{nc, make(chan struct{}, 1000), make(chan struct{}, 10)}
}

func (c *watched) Write(b []byte) (int, error) {
	c.writing <- struct{}{}
	return c.Conn.Write(b)
}

func (c *watched) Close() error {
	c.closed <- struct{}{}
	return c.Conn.Close()
}

// tcpPair is two ends of a TCP connection.
func tcpPair(t *testing.T) (a, b *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	other, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	return nc.(*net.TCPConn), other.(*net.TCPConn)
}

// inject opens a conn with h over one end of a pipe and returns the other.
func inject(t *testing.T, r *Reactor, h *hooks) (*Conn, net.Conn) {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { theirs.Close() })
	c := new(Conn)
	if err := r.Inject(ours, c, h); err != nil {
		t.Fatal(err)
	}
	return c, theirs
}

func TestInjectEchoes(t *testing.T) {
	r := start(t, &Config{Loops: 2})
	tcp, other := tcpPair(t)
	c := new(Conn)
	if err := r.Inject(tcp, c, &hooks{received: echo}); err != nil {
		t.Fatal(err)
	}
	exchange(t, other, "over TCP")
	if c.RemoteAddr().String() != other.LocalAddr().String() || c.LocalAddr().String() != other.RemoteAddr().String() {
		t.Errorf("addresses are %v and %v", c.LocalAddr(), c.RemoteAddr())
	}
	_, pipe := inject(t, r, &hooks{received: echo})
	exchange(t, pipe, "over a pipe")
	if n := r.Conns(); n != 2 {
		t.Errorf("Conns() = %d", n)
	}
}

func TestInjectBeforeRun(t *testing.T) {
	leak.Check(t)
	r := New(nil)
	defer r.Close()
	_, pipe := inject(t, r, &hooks{received: echo})
	if err := r.RunAsync(); err != nil {
		t.Fatal(err)
	}
	exchange(t, pipe, "hello")
}

func TestInjectRefused(t *testing.T) {
	leak.Check(t)
	r := New(&Config{MaxConns: 1})
	inject(t, r, &hooks{})
	refused := func(want error) {
		t.Helper()
		ours, theirs := net.Pipe()
		nc := watch(ours)
		if err := r.Inject(nc, new(Conn), &hooks{}); !errors.Is(err, want) {
			t.Errorf("Inject returned %v, want %v", err, want)
		}
		wait(t, "close of the refused conn", nc.closed)
		theirs.Close()
	}
	refused(ErrTooManyConns)
	r.Close()
	refused(ErrClosed)
	if n := r.Buffers().Out(); n != 0 || r.Conns() != 0 {
		t.Errorf("%d buffers and %d conns are left", n, r.Conns())
	}
}

// Whatever comes while the reactor closes is closed, and told so if it was
// opened.
func TestInjectWhileItCloses(t *testing.T) {
	leak.Check(t)
	for range 100 {
		r := New(nil)
		if err := r.RunAsync(); err != nil {
			t.Fatal(err)
		}
		var opened, closed int // the loop's
		h := &hooks{
			opened: func(*Conn) { opened++ },
			closed: func(*Conn, error) { closed++ },
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 3 {
					ours, theirs := net.Pipe()
					r.Inject(ours, new(Conn), h)
					if _, err := theirs.Read(make([]byte, 1)); err == nil {
						t.Error("read something")
					}
				}
			})
		}
		r.Close()
		wg.Wait()
		if opened != closed || r.Conns() != 0 || r.Buffers().Out() != 0 {
			t.Fatalf("%d opened, %d closed, %d conns and %d buffers left", opened, closed, r.Conns(), r.Buffers().Out())
		}
	}
}

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

// The end comes once, behind all input.
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

// broken is a conn that cannot be written to, and whose other side has said
// something before.
type broken struct {
	net.Conn
	said io.Reader
}

var errBroken = errors.New("broken on purpose")

func (b *broken) Write([]byte) (int, error) { return 0, errBroken }
func (b *broken) Read(p []byte) (int, error) {
	if n, _ := b.said.Read(p); n > 0 {
		return n, nil
	}
	return b.Conn.Read(p)
}

func TestInjectedWriteFails(t *testing.T) {
	r := start(t, nil)
	ended := make(chan error, 1)
	var got []byte
	ours, theirs := net.Pipe()
	defer theirs.Close()
	c := new(Conn)
	err := r.Inject(&broken{ours, bytes.NewReader([]byte("the reason"))}, c, &hooks{
		opened: func(c *Conn) { // and goes on, until the end is known
			c.Queue(make([]byte, 100))
			c.Loop().Every(time.Millisecond, func() { c.Queue(make([]byte, 100)) })
		},
		received: func(_ *Conn, b []byte) int { got = append(got, b...); return len(b) },
		closed:   func(_ *Conn, err error) { ended <- err },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := wait(t, "end", ended); !errors.Is(err, errBroken) {
		t.Errorf("closed because of %v", err)
	}
	if string(got) != "the reason" {
		t.Errorf("got %q before the end", got)
	}
}

// silly is a conn that always reads nothing.
type silly struct{ net.Conn }

func (silly) Read([]byte) (int, error) { return 0, nil }

func TestInjectedReadOfNothing(t *testing.T) {
	r := start(t, nil)
	ended := make(chan error, 1)
	ours, theirs := net.Pipe()
	defer theirs.Close()
	r.Inject(silly{ours}, new(Conn), &hooks{closed: func(_ *Conn, err error) { ended <- err }})
	if err := wait(t, "end", ended); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("closed because of %v", err)
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
		if n := c.Pending(); n != 0 || c.phase != lingering {
			t.Errorf("Pending() = %d in phase %d", n, c.phase)
		}
		v.Close()
	})
}

// In a bubble, with a virtual reactor, a pipe's two ends talk, and time is what
// the test says.
func TestInjectedInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := NewVirtual(nil)
		settle := func() {
			for synctest.Wait(); v.Pending(0); synctest.Wait() {
				v.Settle(1000)
			}
		}
		a, b := net.Pipe()
		var got []string
		closed := 0
		near, far := new(Conn), new(Conn)
		v.Reactor().Inject(a, near, &hooks{
			received: func(_ *Conn, b []byte) int { got = append(got, string(b)); return len(b) },
			closed:   func(*Conn, error) { closed++ },
		})
		v.Reactor().Inject(b, far, &hooks{received: echo, closed: func(*Conn, error) { closed++ }})
		settle()
		near.Queue([]byte("hello"))
		settle()
		if len(got) != 1 || got[0] != "hello" {
			t.Errorf("got %q", got)
		}
		near.Finish(time.Second)
		settle()
		time.Sleep(lastWords) // the bubble's
		settle()
		if closed != 2 {
			t.Errorf("%d ends were told", closed)
		}
		v.Close()
		if n := v.Reactor().Buffers().Out(); n != 0 {
			t.Errorf("%d buffers are left", n)
		}
	})
}

// brittle is a net.Conn with a fault in one method.
type brittle struct {
	net.Conn
	in    string
	fault func()
}

func (b *brittle) hit(method string) {
	if method == b.in {
		b.fault()
	}
}

func (b *brittle) Read(p []byte) (int, error)  { b.hit("Read"); return b.Conn.Read(p) }
func (b *brittle) Write(p []byte) (int, error) { b.hit("Write"); return b.Conn.Write(p) }
func (b *brittle) CloseWrite() error           { b.hit("CloseWrite"); return b.Conn.Close() }
func (b *brittle) Close() error                { defer b.hit("Close"); return b.Conn.Close() }
func (b *brittle) SetReadDeadline(t time.Time) error {
	b.hit("SetReadDeadline")
	return b.Conn.SetReadDeadline(t)
}

// A fault of an injected conn ends that, and nothing else.
func TestFaultsOfAnInjectedConn(t *testing.T) {
	for _, method := range []string{"Read", "Write", "CloseWrite", "SetReadDeadline", "Close"} {
		for name, fault := range map[string]func(){"panic": ouch, "Goexit": runtime.Goexit} {
			t.Run(method+" "+name, func(t *testing.T) {
				r := New(nil)
				if err := r.RunAsync(); err != nil {
					t.Fatal(err)
				}
				other := serve(t, r, &hooks{received: echo})
				ours, theirs := net.Pipe()
				closed := make(chan error, 10)
				nc := &brittle{ours, method, fault}
				if method == "SetReadDeadline" { // which follows a write that fails
					theirs.Close()
				}
				err := r.Inject(nc, new(Conn), &hooks{
					opened: func(c *Conn) {
						c.Queue([]byte("hello"))
						if method != "Read" { // of a conn that has said its last word, no fault is told
							c.Finish(patience)
						}
					},
					closed: func(_ *Conn, err error) { closed <- err },
				})
				if err != nil {
					t.Fatal(err)
				}
				theirs.SetDeadline(time.Now().Add(patience))
				if _, err := io.Copy(io.Discard, theirs); isTimeout(err) {
					t.Error("it was left open")
				}
				theirs.Close()
				got := wait(t, "close", closed)
				var pe *PanicError
				if method == "Read" && name == "panic" && !errors.As(got, &pe) {
					t.Errorf("closed because of %v", got)
				}
				exchange(t, other, "served")
				r.Close()
			})
		}
	}
}
