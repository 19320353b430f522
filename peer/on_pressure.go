package peer

// When Config.OnPressure is called.

// tellPressure calls OnPressure if the pressure is not what the program was told last. It
// waits until OnMade was called, and tells nothing after OnLost.
func (c *Conn) tellPressure() {
	e := c.rare.Load()
	if e == nil || e.overPressure == e.toldPressure || !c.flags.has(made) || c.flags.has(lost) {
		return
	}
	e.toldPressure = e.overPressure
	c.peer.cfg.OnPressure(c, e.overPressure)
}
