package memconn_test

import (
	"testing"

	"github.com/packetmq/packetmq/engine"
)

// Conns write to, finish and abort themselves, and where they may the other end,
// in every callback.
func TestCallsFromEveryCallback(t *testing.T) {
	calls := map[string]func(c *engine.Conn){
		"Out":    func(c *engine.Conn) { write(c, []byte("x")) },
		"Queue":  func(c *engine.Conn) { c.Queue([]byte("x")) },
		"Finish": func(c *engine.Conn) { c.Finish(patience) },
		"Abort":  func(c *engine.Conn) { c.Abort(errTest) },
		"panic":  func(c *engine.Conn) { panic(errTest) },
	}
	for name, call := range calls {
		for _, when := range []string{"Opened", "Received", "Closed"} {
			t.Run(name+" in "+when, func(t *testing.T) {
				everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
					a, b := &side{}, &side{}
					do := func(here string, c *engine.Conn) {
						if here != when {
							return
						}
						if at.la == at.lb { // where b is this loop's too
							call(&b.Conn)
						}
						call(c)
					}
					a.opened = func(c *engine.Conn) { c.Queue([]byte("x")); do("Opened", c) }
					a.received = func(c *engine.Conn, b []byte) int { do("Received", c); return len(b) }
					a.closed = func(c *engine.Conn, _ error) { do("Closed", c) }
					n := 0
					b.received = func(c *engine.Conn, b []byte) int {
						if n++; n > 100 { // a rally has no end of its own
							c.Finish(patience)
						}
						return echo(c, b)
					}
					attached := make(chan struct{})
					at.la.Post(func() { at.connect(t, a, b); close(attached) }) // both, before either opens
					wait(t, "pair", attached)
					at.la.Post(func() { a.Finish(patience) })
					wait(t, "end of a", a.end)
					wait(t, "end of b", b.end)
				})
			})
		}
	}
}
