package engine

import (
	"io"
	"net"
	"path/filepath"
	"testing"

	"github.com/packetmq/packetmq/internal/await"
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

// What has been read of a socket before Enrol is not the conn's, and the address that was
// set beforehand is its own.
func TestEnrol(t *testing.T) {
	for name, wrap := range map[string]func(net.Conn) net.Conn{
		"socket":    func(nc net.Conn) net.Conn { return nc },
		"no socket": func(nc net.Conn) net.Conn { return plainConn{nc} },
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, nil)
			client := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}
			remote := make(chan net.Addr, 1)
			h := &hooks{received: echo, opened: func(c *Conn) { remote <- c.RemoteAddr() }}
			ln, err := r.ListenFunc("tcp", "127.0.0.1:0", func(nc net.Conn) {
				b := make([]byte, len("first"))
				if _, err := io.ReadFull(nc, b); err != nil || string(b) != "first" {
					t.Errorf("read %q, %v", b, err)
				}
				c := new(Conn)
				c.SetRemoteAddr(client)
				if err := r.Enrol(wrap(nc), c, h); err != nil {
					t.Error(err)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			nc := dial(t, ln)
			if _, err := nc.Write([]byte("first")); err != nil {
				t.Fatal(err)
			}
			exchange(t, nc, "hello")
			if a := await.Value(t, "opened", remote); a != client {
				t.Errorf("the conn is from %v", a)
			}
		})
	}
}

// A socket that is not enrolled is closed.
func TestEnrolThatIsRefused(t *testing.T) {
	r := start(t, nil)
	near, far := net.Pipe()
	if err := r.Loops()[0].Call(t.Context(), func() {
		if err := r.Enrol(near, new(Conn), &mute{}); err != ErrOnLoop {
			t.Errorf("Enrol on a loop: %v", err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := far.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the net.Conn is open: %v", err)
	}
	v := NewVirtual(nil)
	defer v.Close()
	near, far = net.Pipe()
	if err := v.Reactor().Enrol(near, new(Conn), &mute{}); err == nil {
		t.Error("a virtual reactor takes a socket")
	}
	if _, err := far.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the net.Conn is open: %v", err)
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
