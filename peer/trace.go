package peer

// Traces: functions that see the packets of one conn, to find a fault while the program runs.

import (
	"slices"

	"github.com/packetmq/packetmq/registry"
)

// trace is a function that sees the packets of one conn.
type trace struct {
	c    *Conn
	call func(d Direction, t *registry.Type, payload []byte)
}

// Trace has f called with each packet of the conn that is handled or sent from now on, until
// stop is called or the conn ends. It sees what the packet log sees: the program's packets, as
// they are on the wire, those that came before they are decoded. t is nil for bytes that are
// sent under an unknown id. The payload is valid during the call and must not be changed.
//
// f is called on the conn's loop with what came, and on the sender's goroutine with what is
// sent, so at the same time by several goroutines; it must be quick, and may not panic. While
// a conn is traced, the packets of all conns of the peer take the longer way of those that
// hooks see. Any goroutine may call Trace and stop; a call of f may be under way when stop
// returns.
func (c *Conn) Trace(f func(d Direction, t *registry.Type, payload []byte)) (stop func()) {
	if c.check() != nil || f == nil {
		return func() {}
	}
	own := &trace{c, f}
	l := &c.peer.packets
	l.changeTraces(func(all []*trace) []*trace { return append(slices.Clone(all), own) })
	c.peer.epoch.Add(1)
	end := func() {
		l.changeTraces(func(all []*trace) []*trace {
			return slices.DeleteFunc(slices.Clone(all), func(other *trace) bool { return other == own })
		})
	}
	forget := c.OnLost(func(error) { end() })
	return func() {
		forget()
		end()
	}
}

func (l *packetLog) changeTraces(change func([]*trace) []*trace) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := change(l.allTraces())
	l.traces.Store(&all)
	l.noteOn()
}

func (l *packetLog) allTraces() []*trace {
	if all := l.traces.Load(); all != nil {
		return *all
	}
	return nil
}

// tellTraces calls those who trace c.
func (l *packetLog) tellTraces(c *Conn, d Direction, t *registry.Type, payload []byte) {
	for _, tr := range l.allTraces() {
		if tr.c == c {
			tr.call(d, t, payload)
		}
	}
}
