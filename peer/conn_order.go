package peer

// The conns of a peer whose handshake is complete, in the order in which they were
// made.

// connOrder is a list of conns in the order in which they were made. Adding and removing one
// takes the same time however many there are: the connIndex knows the place of each conn, a
// conn that is removed leaves a gap, and the gaps are closed when there are as many gaps as
// conns.
type connOrder struct {
	conns []*Conn // nil: a gap
	first int     // the place of the first conn, if there is one
	n     int     // conns
}

// minGaps is the number of gaps that are not worth closing.
const minGaps = 64

// add adds c, which is in x, after all others.
func (o *connOrder) add(x *connIndex, c *Conn) {
	place := x.place(c.id)
	if place == nil || *place != unlisted {
		return
	}
	*place = int32(len(o.conns))
	o.conns = append(o.conns, c)
	o.n++
}

// remove removes c, if it is in the list.
func (o *connOrder) remove(x *connIndex, c *Conn) {
	place := x.place(c.id)
	if place == nil || *place == unlisted {
		return
	}
	o.conns[*place] = nil
	*place = unlisted
	o.n--
	switch {
	case len(o.conns) > 2*o.n+minGaps:
		o.closeGaps(x)
	case o.n == 0:
		o.conns, o.first = o.conns[:0], 0
	}
	for o.n > 0 && o.conns[o.first] == nil {
		o.first++
	}
}

// closeGaps moves the conns together.
func (o *connOrder) closeGaps(x *connIndex) {
	conns := make([]*Conn, 0, o.n+o.n/4)
	for _, c := range o.conns {
		if c != nil {
			*x.place(c.id) = int32(len(conns))
			conns = append(conns, c)
		}
	}
	o.conns, o.first = conns, 0
}

// all returns a copy without the gaps.
func (o *connOrder) all() []*Conn {
	conns := make([]*Conn, 0, o.n)
	for _, c := range o.conns[o.first:] {
		if c != nil {
			conns = append(conns, c)
		}
	}
	return conns
}

// head returns the first conn, or nil.
func (o *connOrder) head() *Conn {
	if o.n == 0 {
		return nil
	}
	return o.conns[o.first]
}
