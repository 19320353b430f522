package peer

// Config.OnPressure: too much waits for the other side, or no longer.

import "github.com/packetmq/packetmq/engine"

// Pressure implements engine.Handler.
func (s *session) Pressure(_ *engine.Conn, above bool) {
	c := s.conn()
	if c.peer.cfg.OnPressure != nil {
		c.more().above = above
		c.tellPressure()
	}
}

// tellPressure calls OnPressure if the program does not know yet. What was so
// before OnMade is told after it, and after OnLost nothing is.
func (c *Conn) tellPressure() {
	e := c.extra.Load()
	if e == nil || e.above == e.knowsAbove || !c.flags.has(made) || c.flags.has(lost) {
		return
	}
	e.knowsAbove = e.above
	c.peer.cfg.OnPressure(c, e.above)
}
