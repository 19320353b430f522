package engine

import (
	"net"
	"testing"
	"testing/synctest"
)

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
			ln := &Listener{r: v.r, ln: m, shut: make(chan struct{}), done: make(chan struct{}),
				accept: func(net.Conn) (*Conn, Handler) { calls++; return nil, nil }}
			v.r.lns[ln] = struct{}{}
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
