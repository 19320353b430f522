package engine

import (
	"net"
	"path/filepath"
	"testing"
)

// plainConn hides that a conn is a socket.
type plainConn struct{ net.Conn }

type plainListener struct{ net.Listener }

func (l plainListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return plainConn{nc}, nil
}

func TestServe(t *testing.T) {
	for name, make := range map[string]func() (net.Listener, error){
		"tcp":  func() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") },
		"unix": func() (net.Listener, error) { return net.Listen("unix", filepath.Join(t.TempDir(), "s")) },
		"no socket": func() (net.Listener, error) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			return plainListener{ln}, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, nil)
			own, err := make()
			if err != nil {
				t.Fatal(err)
			}
			ln, err := r.Serve(own, func(net.Conn) (*Conn, Handler) { return new(Conn), &hooks{received: echo} })
			if err != nil {
				t.Fatal(err)
			}
			exchange(t, dial(t, ln), "hello")
			ln.Close()
			if nc, err := own.Accept(); err == nil {
				nc.Close()
				t.Error("the program's listener is open after Close")
			}
		})
	}
}

// A listener that is not taken is closed.
func TestServeOnAClosedReactor(t *testing.T) {
	r := New(nil)
	r.Close()
	own, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Serve(own, func(net.Conn) (*Conn, Handler) { return nil, nil }); err != ErrClosed {
		t.Errorf("Serve: %v", err)
	}
	if _, err := own.Accept(); err == nil {
		t.Error("the listener is open")
	}
}

func TestListenOnAVirtualReactor(t *testing.T) {
	v := NewVirtual(nil)
	defer v.Close()
	accept := func(net.Conn) (*Conn, Handler) { return nil, nil }
	if _, err := v.Reactor().Listen("tcp", "127.0.0.1:0", accept); err != ErrVirtual {
		t.Errorf("Listen: %v", err)
	}
	own, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Reactor().Serve(own, accept); err != ErrVirtual {
		t.Errorf("Serve: %v", err)
	}
}

// Two reactors, as of two processes, listen at one port, and the one that stays
// takes all.
func TestReusePort(t *testing.T) {
	cfg := &Config{ReusePort: true}
	a, b := start(t, cfg), start(t, cfg)
	first := listen(t, a, &hooks{received: echo})
	second, err := b.Listen("tcp", first.Addr().String(), func(net.Conn) (*Conn, Handler) { return new(Conn), &hooks{received: echo} })
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	exchange(t, dial(t, second), "hello")
	if _, err := start(t, nil).Listen("tcp", second.Addr().String(), func(net.Conn) (*Conn, Handler) { return nil, nil }); err == nil {
		t.Error("a reactor without ReusePort listens there too")
	}
}
