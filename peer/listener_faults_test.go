package peer

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/packetmq/packetmq/engine"
)

// nowhere is a net.Conn without addresses.
type nowhere struct{ net.Conn }

func (nowhere) LocalAddr() net.Addr  { return nil }
func (nowhere) RemoteAddr() net.Addr { return nil }

// oddListener is a listener of a program's without an address, which does not close
// before end is closed.
type oddListener struct {
	net.Listener
	end <-chan struct{}
}

func (l *oddListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return nowhere{nc}, nil
}

func (l *oddListener) Addr() net.Addr { return nil }

func (l *oddListener) Close() error {
	if l.end != nil {
		<-l.end
	}
	return l.Listener.Close()
}

func loopback(t *testing.T) net.Listener {
	t.Helper()
	own, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return own
}

// What comes from nowhere is served, and told of when it is refused.
func TestServeWithoutAddresses(t *testing.T) {
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	server, client := NewServer(s.reg, &s.cfg), NewClient(c.reg, &c.cfg)
	own := loopback(t)
	if _, err := server.Serve(&oddListener{Listener: own}); err != nil {
		t.Fatal(err)
	}
	run(t, server.Peer)
	run(t, client.Peer)
	if _, err := client.Connect(t.Context(), own.Addr().String()); err != nil {
		t.Fatal(err)
	}
	s.next(t, "made")
	nc, err := net.Dial("tcp", own.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
	if e := s.next(t, "lost"); !errors.Is(e.reason, ReasonFrame) {
		t.Errorf("lost because of %v", e.reason)
	}
}

func TestServeNil(t *testing.T) {
	s := newSide(false, 17, 18)
	server := NewServer(s.reg, &s.cfg)
	defer server.Close()
	for name, ln := range map[string]net.Listener{"nil": nil, "a nil pointer": (*net.TCPListener)(nil), "the program's": (*oddListener)(nil)} {
		if _, err := server.Serve(ln); !errors.Is(err, ErrNil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A listener that hangs holds up neither Shutdown beyond its context nor Close, and
// conns end, on a shared reactor too.
func TestEndBesideAListenerThatHangs(t *testing.T) {
	r := engine.New(nil)
	if err := r.RunAsync(); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s := newSide(false, 17, 18)
	s.cfg.Reactor = r
	server := NewServer(s.reg, &s.cfg)
	end := make(chan struct{})
	defer close(end)
	if _, err := server.Serve(&oddListener{loopback(t), end}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown returned %v", err)
	}
	if err := server.Close(); !errors.Is(err, engine.ErrStuck) {
		t.Errorf("Close returned %v", err)
	}
	if d := time.Since(began); d > patience {
		t.Errorf("they took %v", d)
	}
}
