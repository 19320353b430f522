package peer

// When Config.OnPressure is called.

// tellPressure calls OnPressure if the pressure is not what the program was told last. It
// waits until OnMade was called, and tells nothing after OnLost.
func (c *Conn) tellPressure() {
	rare := c.rare.Load()
	if rare == nil || rare.overPressure == rare.toldPressure || !c.flags.has(made) || c.flags.has(lost) {
		return
	}
	rare.toldPressure = rare.overPressure
	c.peer.cfg.OnPressure(c, rare.overPressure)
}
