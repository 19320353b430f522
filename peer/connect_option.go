package peer

// ConnectOption: what can be said of one Connect.

// ConnectOption changes one Connect, and the attempts to come back that follow it.
type ConnectOption func(*target)

func (t target) with(opts []ConnectOption) target {
	for _, o := range opts {
		if o != nil {
			o(&t)
		}
	}
	return t
}
