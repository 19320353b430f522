package peer

// Config.OnPressure: too much waits for the other side, or no longer.

import "github.com/packetmq/packetmq/engine"

// Pressure implements engine.Handler.
func (s *engineHandler) Pressure(_ *engine.Conn, above bool) {
	c := s.conn()
	if c.peer.cfg.OnPressure != nil {
		c.makeRare().overPressure = above
		c.tellPressure()
	}
}

// tellPressure calls OnPressure if the program does not know yet. What was so
// before OnMade is told after it, and after OnLost nothing is.
func (c *Conn) tellPressure() {
	e := c.rare.Load()
	if e == nil || e.overPressure == e.toldPressure || !c.flags.has(made) || c.flags.has(lost) {
		return
	}
	e.toldPressure = e.overPressure
	c.peer.cfg.OnPressure(c, e.overPressure)
}
