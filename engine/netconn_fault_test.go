package engine

import (
	"bytes"
	"errors"
	"io"
	"net"
	"runtime"
	"testing"
	"time"
)

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
