package peer

import "testing"

// Two clients with ids of their own against one server.
func TestTwoClientsWithDifferentIDs(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		other := newSide(true, 18, 17) // the server's ids, swapped
		other.cfg.Reactor = w.client.Reactor()
		client := NewMemoryClient(other.reg, &other.cfg)
		defer client.Close()
		Handle(w.server, w.s.ping, func(c *Conn, v *note) error { return Reply(c, w.s.pong, v) })
		a := inbox(t, w.client, w.c.pong, 1)
		b := inbox(t, client, other.pong, 1)
		_, ca := w.handshake(t)
		cb, err := client.Connect(t.Context(), w.server)
		if err != nil {
			t.Fatal(err)
		}
		for n := range 100 {
			Send(ca, w.c.ping, &note{n, "a"})
			Send(cb, other.ping, &note{n, "b"})
			if got := wait(t, "pong", a); got != (note{n, "a"}) {
				t.Fatalf("the first client got %+v", got)
			}
			if got := wait(t, "pong", b); got != (note{n, "b"}) {
				t.Fatalf("the second client got %+v", got)
			}
		}
	})
}

// One client with two servers that number differently; and the conn it defaults
// to.
func TestTwoServersWithDifferentIDs(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		second := newSide(false, 41, 40) // the client's ids, swapped
		server := NewServer(second.reg, &second.cfg)
		defer server.Close()
		if err := server.RunAsync(); err != nil {
			t.Fatal(err)
		}
		from := make(chan string, 1)
		for name, srv := range map[string]*Server{"first": w.server, "second": server} {
			srv.Untyped().Handle("test:ping", func(c *Conn, v any) error {
				from <- name
				return c.Untyped().Reply("test:pong", v)
			})
		}
		pongs := inbox(t, w.client, w.c.pong, 1)
		_, first := w.handshake(t)
		next := connectAlso(t, w, server)
		exchange := func(to any, want string) {
			t.Helper()
			if err := w.client.Untyped().Send(to, "test:ping", &note{1, want}); err != nil {
				t.Fatal(err)
			}
			if got := wait(t, "ping", from); got != want {
				t.Errorf("the packet went to the %s server, want the %s", got, want)
			}
			if got := wait(t, "pong", pongs); got.Text != want {
				t.Errorf("got %q back", got.Text)
			}
		}
		for range 10 {
			exchange(first, "first")
			exchange(next, "second")
		}
		exchange(nil, "first")
		first.Softquit("reason.bye")
		for w.c.next(t, "lost").conn != first {
		}
		exchange(nil, "second")
	})
}

// connectAlso connects the world's client to one more server.
func connectAlso(t *testing.T, w *world, server *Server) *Conn {
	t.Helper()
	var c *Conn
	var err error
	if cc := w.client.first(); cc.server() != nil {
		c, err = (&MemoryClient{w.client}).Connect(t.Context(), server)
	} else {
		ln, e := server.Listen("127.0.0.1:0")
		if e != nil {
			t.Fatal(e)
		}
		c, err = (&Client{w.client}).Connect(t.Context(), ln.Addr().String())
	}
	if err != nil {
		t.Fatal(err)
	}
	w.c.next(t, "made")
	return c
}
