package engine

// heldMost is how many bytes of input are copied to wait for the next reads of a
// round, at most: to copy more takes longer than it saves.
const heldMost = 2 << 10

// holding is input that waits, in the order in which it was read.
type holding struct {
	list  [gatherMost]held
	n     int    // of list
	taken int    // of these
	room  []byte // what the input is in, but for the last
}

// held is input of a socket.
type held struct {
	c *Conn
	b []byte
}

// holds reports whether b, just read from c's socket, waits for the reads to
// come. It waits where more are on their way and the next of them is not the one
// that ends the wait.
func (l *Loop) holds(c *Conn, b []byte) bool {
	g := &l.gather
	if !g.on || !g.rung || len(b) > heldMost || (2+g.reads-g.from)%gatherMost == 0 || l.r.halted() {
		return false
	}
	h := &g.held
	if h.room == nil {
		h.room = make([]byte, gatherMost*heldMost)
	}
	at := h.n * heldMost
	end := at + copy(h.room[at:], b)
	h.add(c, h.room[at:end:end])
	g.reads++
	return true
}

// add puts b behind what waits. There are no more than gatherMost: holds says
// so of those that it adds, and behind another one all of them are taken.
func (h *holding) add(c *Conn, b []byte) {
	h.list[h.n] = held{c, b}
	h.n++
}

// nextHeld takes out the oldest input that waits, until there is none. A Goexit
// in who takes it leaves the rest to the next call.
func (l *Loop) nextHeld() (c *Conn, b []byte, ok bool) {
	h := &l.gather.held
	if h.taken == h.n {
		h.n, h.taken = 0, 0
		return nil, nil, false
	}
	next := h.list[h.taken]
	h.list[h.taken] = held{}
	h.taken++
	return next.c, next.b, true
}

// heldOf is what waits of c, which is taken out.
func (l *Loop) heldOf(c *Conn) (b []byte) {
	h := &l.gather.held
	for i := h.taken; i < h.n; i++ {
		if next := &h.list[i]; next.c == c {
			b = append(b, next.b...)
			*next = held{}
		}
	}
	return b
}
