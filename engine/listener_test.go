package engine

import (
	"io"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/packetmq/packetmq/internal/throttle"
)

func TestListenRefusesOtherNetworks(t *testing.T) {
	r := New(nil)
	defer r.Close()
	if _, err := r.Listen("udp", "127.0.0.1:0", nil); err == nil {
		t.Error("Listen took udp")
	}
}

func TestMaxConns(t *testing.T) {
	r := start(t, &Config{MaxConns: 2})
	ln := listen(t, r, &hooks{received: echo})
	a, b := dial(t, ln), dial(t, ln)
	exchange(t, a, "one")
	exchange(t, b, "two")
	c := dial(t, ln)
	c.SetDeadline(time.Now().Add(patience))
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("read %d bytes from a conn over the limit", n)
	}
	a.Close()
	for {
		d := dial(t, ln)
		d.SetDeadline(time.Now().Add(patience))
		io.WriteString(d, "x")
		if _, err := d.Read(make([]byte, 1)); err == nil {
			break // there is room again
		}
	}
	exchange(t, b, "still here")
}

// manual is a net.Listener that accepts what the test gives it.
type manual struct {
	net.Listener
	conns chan net.Conn
}

func (m *manual) Addr() net.Addr { return &net.TCPAddr{} }
func (m *manual) Close() error   { close(m.conns); return nil }
func (m *manual) Accept() (net.Conn, error) {
	nc, ok := <-m.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return nc, nil
}

// A socket that was being accepted when the reactor was stopped waits until it
// runs on, or is closed with the listener.
func TestAcceptingWhileStopped(t *testing.T) {
	for _, runsOn := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			v := virtual(t, nil)
			calls := 0
			m := &manual{conns: make(chan net.Conn)}
			ln := &Listener{accept: func(net.Conn) (*Conn, Handler) { calls++; return nil, nil }}
			ln.setUp(v.r, m)
			v.r.listeners[ln] = struct{}{}
			go ln.serve()
			synctest.Wait() // it accepts
			v.r.Stop()
			ours, theirs := net.Pipe()
			m.conns <- ours
			synctest.Wait()
			if calls != 0 {
				t.Error("the acceptor was called while the reactor was stopped")
			}
			want := 0
			if runsOn {
				want = 1
				v.r.RunAsync()
				synctest.Wait()
			}
			ln.Close()
			synctest.Wait()
			if calls != want {
				t.Errorf("runs on: %v; the acceptor was called %d times", runsOn, calls)
			}
			if _, err := theirs.Read(make([]byte, 1)); err == nil {
				t.Error("the refused conn is open")
			}
		})
	}
}

// scarce is a net.Listener that runs out of descriptors every other time.
type scarce struct {
	manual
	calls int
}

func (s *scarce) Accept() (net.Conn, error) {
	if s.calls++; s.calls%2 == 0 {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return s.manual.Accept()
}

// Descriptors that come and go are no way to fill a log.
func TestAcceptFailuresAreLoggedBoundedly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		v := virtual(t, &Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		m := &scarce{manual: manual{conns: make(chan net.Conn)}}
		ln := &Listener{accept: func(net.Conn) (*Conn, Handler) { return nil, nil }}
		ln.setUp(v.r, m)
		v.r.listeners[ln] = struct{}{}
		go ln.serve()
		began := time.Now()
		const conns = 1000
		for range conns {
			ours, theirs := net.Pipe()
			m.conns <- ours
			theirs.Close()
		}
		seconds := int(time.Since(began)/time.Second) + 1
		ln.Close()
		if lines := strings.Count(log.String(), "accept failed"); lines == 0 || lines > throttle.LinesPerSecond*seconds {
			t.Errorf("%d lines in %d s", lines, seconds)
		}
	})
}

// Close does not wait for an acceptor that is under way. The reactor serves what
// comes of it, unless that has closed too.
func TestCloseDuringAnAcceptor(t *testing.T) {
	for name, reactor := range map[string]bool{"listener": false, "reactor": true} {
		t.Run(name, func(t *testing.T) {
			r := start(t, nil)
			called, release := make(chan struct{}), make(chan struct{})
			h := &refusable{hooks: hooks{received: echo}, told: make(chan error, 1)}
			ln, err := r.Listen("tcp", "127.0.0.1:0", func(net.Conn) (*Conn, Handler) {
				close(called)
				<-release
				return new(Conn), h
			})
			if err != nil {
				t.Fatal(err)
			}
			nc := dial(t, ln)
			wait(t, "call", called)
			ln.Close()
			if reactor {
				r.Close()
			}
			close(release)
			if !reactor {
				exchange(t, nc, "served")
				return
			}
			if err := wait(t, "refusal", h.told); err != ErrClosed {
				t.Errorf("refused because of %v", err)
			}
			nc.SetDeadline(time.Now().Add(patience))
			if _, err := nc.Read(make([]byte, 1)); err == nil || isTimeout(err) {
				t.Errorf("the socket was left open: %v", err)
			}
		})
	}
}

// refusable is told that it was not opened.
type refusable struct {
	hooks
	told chan error
}

func (r *refusable) NotOpened(_ *Conn, err error) { r.told <- err }
