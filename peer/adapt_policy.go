package peer

// Which of two sides takes over the other's packet ids: the registry's default, a
// peer's Config.Adapt, or an option of one Connect.

// Adapt says whether a side takes over the other side's ids. Exactly one of two sides
// must; else both end with ReasonSameAdaptivePolicy.
type Adapt uint8

// What a side does about ids. With AdaptDefault, and one registry at both ends of a
// conn in memory, the client adapts.
const (
	AdaptDefault Adapt = iota // in Config.Adapt: as the registry says, where one of registry.NewAdapting adapts
	AdaptAlways               // this side takes over the other's ids
	AdaptNever                // this side insists on its ids
)

// known is a, or AdaptDefault for a value that is none of the settings.
func (a Adapt) known() Adapt {
	if a > AdaptNever {
		return AdaptDefault
	}
	return a
}

// WithAdapt has the conn go by a in place of Config.Adapt: one client, with one
// registry, can so connect to a server that insists and to one that adapts. AdaptDefault
// leaves it to Config.Adapt, and so does a value that is none of the settings.
func WithAdapt(a Adapt) ConnectOption {
	a = a.known()
	return func(t *target) { t.adapt = a }
}

// adapts reports whether this side takes over the other's ids.
func (c *Conn) adapts() bool {
	switch c.adaptSetting() {
	case AdaptAlways:
		return true
	case AdaptNever:
		return false
	}
	if m := c.otherEnd(); m != nil && m.peer.reg == c.peer.reg { // whose default would be that of both
		switch m.adaptSetting() {
		case AdaptAlways:
			return false
		case AdaptNever:
			return true
		}
		return c.peer.client
	}
	return c.peer.reg.Adapts()
}

// adaptSetting is what was set for this conn or its peer.
func (c *Conn) adaptSetting() Adapt {
	if e := c.rare.Load(); e != nil && e.target != nil && e.target.adapt != AdaptDefault {
		return e.target.adapt
	}
	return c.peer.cfg.Adapt
}
