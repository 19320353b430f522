package peer

// ConnectOption: what can be said of one Connect.

// ConnectOption changes one Connect, and the attempts to come back that follow it.
type ConnectOption func(*target)

// WithLabel gives a label to the conn, and to those with which the client comes back in its
// place: Conn.Label tells it. It is for what outlives a conn.
func WithLabel(label any) ConnectOption { return func(t *target) { t.label = label } }

// Label is what WithLabel was given for the conn, or nil.
func (c *Conn) Label() any {
	if c == nil {
		return nil
	}
	if e := c.rare.Load(); e != nil && e.target != nil {
		return e.target.label
	}
	return nil
}

func (t target) with(opts []ConnectOption) target {
	for _, o := range opts {
		if o != nil {
			o(&t)
		}
	}
	return t
}
