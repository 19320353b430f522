package peer

import (
	"context"
	"errors"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/packetmq/packetmq/engine"
)

func TestReconnect(t *testing.T) {
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	c.cfg.Reconnect = &Backoff{Min: time.Millisecond, Max: 10 * time.Millisecond}
	failed := make(chan error, 1000)
	c.cfg.OnConnectFailed = func(addr string, err error) { failed <- err }
	server := NewServer(s.reg, &s.cfg)
	ln := open(t, server)
	client := NewClient(c.reg, &c.cfg)
	run(t, client.Peer)
	addr := ln.Addr().String()
	conn, err := client.Connect(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	c.next(t, "made")
	first := s.next(t, "made").conn

	first.Softquit("reason.restart")
	if e := c.next(t, "lost"); e.conn != conn || e.reason != Reason("reason.restart") {
		t.Errorf("lost %v because of %v", e.conn, e.reason)
	}
	if e := c.next(t, "made"); e.conn == conn {
		t.Error("the conn came back as itself")
	}
	s.next(t, "lost")
	s.next(t, "made")

	// While nobody listens it fails, and goes on trying.
	ln.Close()
	client.Default().link.Abort(errors.New("cut"))
	c.next(t, "lost")
	for range 3 {
		if err := wait(t, "failure", failed); err == nil {
			t.Error("a failure without an error")
		}
	}
	again, err := server.Listen(addr)
	if err != nil {
		t.Skipf("the port was taken meanwhile: %v", err)
	}
	defer again.Close()
	c.next(t, "made")

	// A client that leaves does not come back.
	client.Untyped().Softquit(nil, "reason.bye")
	c.next(t, "lost")
	for s.next(t, "lost"); len(s.events) > 0; {
		<-s.events
	}
	client.Close()
	nothing(t, "conn after leaving", c.events)
}

func TestReconnectGivesUp(t *testing.T) {
	c := newSide(true, 40, 41)
	c.cfg.Reconnect = &Backoff{Min: time.Millisecond, Max: time.Millisecond, Attempts: 3}
	failed := make(chan error, 10)
	c.cfg.OnConnectFailed = func(addr string, err error) { failed <- err }
	client := NewClient(c.reg, &c.cfg)
	run(t, client.Peer)
	if err := client.ConnectAsync(closedPort(t)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		wait(t, "failure", failed)
	}
	idle(t, client.Peer)
	nothing(t, "fourth attempt", failed)
}

// closedPort is an address that nobody listens at.
func closedPort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func TestConnectAsync(t *testing.T) {
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	server := NewServer(s.reg, &s.cfg)
	ln, _ := server.Listen("tcp://127.0.0.1:0")
	run(t, server.Peer)
	client := NewClient(c.reg, &c.cfg)
	run(t, client.Peer)
	client.Reactor().Post(func() {
		if _, err := client.Connect(context.Background(), ln.Addr().String()); !errors.Is(err, engine.ErrOnLoop) {
			t.Errorf("Connect on the loop: %v", err)
		}
		client.ConnectAsync(ln.Addr().String())
	})
	c.next(t, "made")
}

func TestConnectFailures(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts in the kernel, says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	c := newSide(true, 40, 41)
	c.cfg.Connect = 50 * time.Millisecond
	client := NewClient(c.reg, &c.cfg)
	run(t, client.Peer)
	for name, test := range map[string]struct {
		addr string
		want error
	}{
		"refused": {closedPort(t), nil},
		"silent":  {silent.Addr().String(), context.DeadlineExceeded},
		"network": {"udp://127.0.0.1:1", nil},
		"empty":   {"", nil},
	} {
		_, err := client.Connect(t.Context(), test.addr)
		if err == nil || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%s: Connect returned %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.Connect(ctx, silent.Addr().String()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: Connect returned %v", err)
	}
}

func TestHandshakeTimeout(t *testing.T) {
	s := newSide(false, 17, 18)
	s.cfg.Handshake = 20 * time.Millisecond
	server := NewServer(s.reg, &s.cfg)
	ln, _ := server.Listen("127.0.0.1:0")
	run(t, server.Peer)
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if e := s.next(t, "lost"); !errors.Is(e.reason, ErrHandshakeTimeout) || !errors.Is(e.reason, ReasonTimeout) {
		t.Errorf("lost because of %v", e.reason)
	}
}

func TestBackoffDelay(t *testing.T) {
	b := (&Config{Reconnect: &Backoff{}}).withDefaults().Reconnect
	for failed := range 40 {
		want := min(b.Min<<min(failed, 20), b.Max)
		for range 20 {
			if d := b.delay(failed); d < want-want/4 || d > want+want/4 {
				t.Fatalf("after %d failures: %v, want %v and a quarter at most off", failed, d, want)
			}
		}
	}
}

func TestMemoryPeers(t *testing.T) {
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	server := NewMemoryServer(s.reg, &s.cfg)
	run(t, server.Peer)
	c.cfg.Reactor = server.Reactor()
	client := NewMemoryClient(c.reg, &c.cfg)
	pings := inbox(t, server, s.ping, 1)
	conn, err := server.ConnectClient(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	if conn.State() != Active || conn.RemoteAddr().Network() != "mem" {
		t.Errorf("state %v, address %v", conn.State(), conn.RemoteAddr())
	}
	client.Untyped().Send(nil, "test:ping", note{1, ""})
	wait(t, "ping", pings)
	if err := client.Untyped().Disconnect(nil); err != nil {
		t.Fatal(err)
	}
	c.next(t, "made")
	s.next(t, "made")
	for _, side := range []*side{c, s} {
		if e := side.next(t, "lost"); e.reason != ReasonGeneric {
			t.Errorf("lost because of %v", e.reason)
		}
	}
	if err := client.ConnectAsync(server); err != nil {
		t.Fatal(err)
	}
	c.next(t, "made")
	if err := server.DisconnectClient(client); err != nil {
		t.Fatal(err)
	}
	if e := c.next(t, "lost"); e.reason != ReasonGeneric {
		t.Errorf("lost because of %v", e.reason)
	}
	if err := server.DisconnectClient(client); !errors.Is(err, ErrNoConn) {
		t.Errorf("DisconnectClient twice: %v", err)
	}
}

// Neither side sees the other's memory change.
func TestMemoryIsIsolated(t *testing.T) {
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	server := NewMemoryServer(s.reg, &s.cfg)
	run(t, server.Peer)
	c.cfg.Reactor = server.Reactor()
	client := NewMemoryClient(c.reg, &c.cfg)
	got := make(chan map[string]any, 2)
	s.reg.AddObject("test:any", 30, nil)
	c.reg.AddObject("test:any", 50, nil)
	server.Untyped().Handle("test:any", func(c *Conn, v any) error {
		m := v.(map[string]any)
		m["list"].([]any)[0] = "changed by the receiver"
		m["bytes"].([]byte)[0] = 'X'
		got <- m
		return nil
	})
	if _, err := client.Connect(t.Context(), server); err != nil {
		t.Fatal(err)
	}
	sent := map[string]any{"list": []any{"original"}, "bytes": []byte("bytes")}
	for range 2 {
		if err := client.Untyped().Send(nil, "test:any", sent); err != nil {
			t.Fatal(err)
		}
	}
	sent["list"].([]any)[0] = "changed by the sender"
	for range 2 {
		m := wait(t, "packet", got)
		if m["list"].([]any)[0] != "changed by the receiver" || string(m["bytes"].([]byte)) != "Xytes" {
			t.Errorf("got %v", m)
		}
	}
	if string(sent["bytes"].([]byte)) != "bytes" {
		t.Errorf("the sender's bytes are %q", sent["bytes"])
	}
}

// TCP and memory handlers of one server share a plain int; the race detector
// has nothing to say.
func TestSingleThreadedDispatch(t *testing.T) {
	s := newSide(false, 17, 18)
	server := NewServer(s.reg, &s.cfg)
	ln := open(t, server)
	const clients, each = 4, 2000
	count := 0 // no lock, no atomic
	done := make(chan struct{})
	Handle(server, s.ping, func(c *Conn, v *note) error {
		if count++; count == 2*clients*each {
			close(done)
		}
		return nil
	})
	server.Reactor().Every(time.Millisecond, func() { count += 0 })
	for i := range 2 * clients {
		c := newSide(true, 40, 41)
		var conn *Conn
		var err error
		if i%2 == 0 {
			client := NewClient(c.reg, &c.cfg)
			run(t, client.Peer)
			conn, err = client.Connect(t.Context(), ln.Addr().String())
		} else {
			c.cfg.Reactor = server.Reactor()
			conn, err = NewMemoryClient(c.reg, &c.cfg).Connect(t.Context(), server)
		}
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for n := range each {
				Send(conn, c.ping, &note{n, ""})
			}
		}()
	}
	wait(t, "last packet", done)
}

// A fault in OnConnectFailed keeps no client from coming back.
func TestFaultsInOnConnectFailed(t *testing.T) {
	c := newSide(true, 40, 41)
	c.cfg.Reconnect = &Backoff{Min: time.Millisecond, Max: time.Millisecond}
	failed, n := make(chan struct{}, 100), 0
	c.cfg.OnConnectFailed = func(string, error) {
		failed <- struct{}{}
		switch n++; n {
		case 1:
			panic("in OnConnectFailed")
		case 2:
			runtime.Goexit()
		}
	}
	client := NewClient(c.reg, &c.cfg)
	run(t, client.Peer)
	if err := client.ConnectAsync(closedPort(t)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		wait(t, "failure", failed)
	}
}
