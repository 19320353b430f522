package peer

// When observers, and then Config.OnPressure, are told of the pressure on a conn.

// tellPressure tells the pressure if it is not what was told last. It
// waits until OnMade was called, and tells nothing after OnLost.
func (c *Conn) tellPressure() {
	rare := c.rare.Load()
	if rare == nil || rare.overPressure == rare.toldPressure || !c.flags.has(made) || c.flags.has(lost) {
		return
	}
	rare.toldPressure = rare.overPressure
	for _, o := range c.peer.allObservers() {
		if o.Pressure != nil && !c.flags.has(lost) {
			o.Pressure(c, rare.overPressure)
		}
	}
	if f := c.peer.cfg.OnPressure; f != nil && !c.flags.has(lost) {
		f(c, rare.overPressure)
	}
}
