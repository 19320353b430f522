package engine

import "testing"

func TestDialBothEnds(t *testing.T) {
	r := start(t, &Config{Loops: 2})
	ln := listen(t, r, &hooks{received: echo})
	got := make(chan string, 1)
	c := new(Conn)
	h := &hooks{
		opened:   func(c *Conn) { out := c.Out(); out.B = append(out.B, "ping"...) },
		received: func(c *Conn, b []byte) int { got <- string(b); return len(b) },
	}
	if err := r.Dial(t.Context(), "tcp", ln.Addr().String(), c, h); err != nil {
		t.Fatal(err)
	}
	if s := wait(t, "answer", got); s != "ping" {
		t.Errorf("got %q", s)
	}
	if c.RemoteAddr().String() != ln.Addr().String() {
		t.Errorf("RemoteAddr() = %v, want %v", c.RemoteAddr(), ln.Addr())
	}
}

func TestDialFails(t *testing.T) {
	r := start(t, nil)
	ln := listen(t, r, &hooks{})
	addr := ln.Addr().String()
	ln.Close()
	if err := r.Dial(t.Context(), "tcp", addr, new(Conn), &hooks{}); err == nil {
		t.Error("a dial to a closed port succeeded")
	}
	if n := r.Conns(); n != 0 {
		t.Errorf("Conns() = %d after a failed dial", n)
	}
}
