package engine

import (
	"net"
	"testing"
)

// relaying has input of a socket wake a conn over a transport of its own, which answers on the socket.
func relaying(t *testing.T, relay bool) (other net.Conn, l *Loop) {
	t.Helper()
	r := start(t, nil)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	carrier, waiting := new(Conn), 0
	p := &fakeTransport{}
	p.pump = func() bool {
		for ; waiting > 0; waiting-- {
			p.sink.Received([]byte("x"))
		}
		return false
	}
	if err := r.Dial(t.Context(), "tcp", ln.Addr().String(), carrier, &hooks{received: func(c *Conn, b []byte) int {
		waiting += len(b)
		p.sink.Wake(nil)
		if relay {
			c.Loop().Relay()
		}
		return len(b)
	}}); err != nil {
		t.Fatal(err)
	}
	p.pool = r.Buffers()
	err = r.Attach(p, new(Conn), &hooks{received: func(_ *Conn, b []byte) int { carrier.Queue(b); return len(b) }}, carrier.Loop())
	if err != nil {
		t.Fatal(err)
	}
	if other, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	return other, carrier.Loop()
}

// What is relayed is handled, and answered, in the callback of the socket that it came over. What is
// not is handled in a turn of its own.
func TestRelayedInputNeedsNoWakeUp(t *testing.T) {
	if debugBuild {
		t.Skip("the debug build looks for the end of every poll round")
	}
	const messages = 200
	for _, relay := range []bool{true, false} {
		other, l := relaying(t, relay)
		turns := func() (n uint64) {
			l.Call(t.Context(), func() { n = l.Info().Turns })
			return n
		}
		ping := make([]byte, 1)
		before := turns()
		for range messages {
			if _, err := other.Write(ping); err != nil {
				t.Fatal(err)
			}
			if _, err := other.Read(ping); err != nil {
				t.Fatal(err)
			}
		}
		// Some look for the end of the poll round, and one is this call.
		if n := turns() - before; (n < messages/2) != relay {
			t.Errorf("relay %v: %d turns for %d messages", relay, n, messages)
		}
	}
}

// A conn that has more input than a turn has room for gets the rest in turns, between which the loop
// has time for others.
func TestRelayIsBounded(t *testing.T) {
	v := virtual(t, nil)
	left := 5 * maxShares
	p := &fakeTransport{pump: func() bool { left--; return left > 0 }}
	c := attachFake(t, v.r, p, &hooks{})
	settle(t, v)
	l := v.r.loops[0]
	v.r.Post(func() { p.sink.Wake(nil); c.Loop().Relay() })
	v.Step(0)
	if left <= 0 || l.ready.relayed {
		t.Errorf("%d shares are left after one callback, relayed %v", left, l.ready.relayed)
	}
	v.Settle(10)
	if left != 0 {
		t.Errorf("%d shares are left", left)
	}
}
