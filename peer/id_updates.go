package peer

// Updates of the ids: packets that are added to a registry or removed from it while conns are
// open are told to the other sides, if they know updates. An update is in order with all other
// packets, so that what is sent after it can be of a packet that it has told.

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// Keys of an update.
const (
	keyAdd    = "add"    // a map of names and ids
	keyShapes = "shapes" // their shapes, as in pubids
	keyDrop   = "drop"   // an array of names
)

const (
	updatePause = 100 * time.Millisecond // between two announcements of a peer: what changes meanwhile is told at once
	updateRetry = time.Second            // until one is tried again for which there was no room
	updateChunk = 256                    // conns that are told at a time
	updateSize  = 32 << 10               // of an update that is sent, in bytes, or half of what may be sent if that is less
	updateEntry = 16                     // what a name takes in it besides its own length, at most
	updateBurst = 64                     // updates taken from one side at a time
	updateRate  = 5                      // and further ones a tick of 250 ms
	tellBurst   = updateBurst / 2        // updates told to one side at a time
	tellRate    = 2                      // and further ones a tick
)

// news is what a side tells in an update.
type news struct {
	add    []registry.Entry
	shapes []byte // of add; nil: none
	drop   []string
	told   *toldIDs // what it has told then; nil in one that was received
}

func (n *news) append(b []byte) []byte {
	b = codec.AppendMapHeader(b, 3)
	b = appendIDs(codec.AppendString(b, keyAdd), n.add)
	b = codec.AppendBytes(codec.AppendString(b, keyShapes), n.shapes)
	b = codec.AppendArrayHeader(codec.AppendString(b, keyDrop), len(n.drop))
	for _, name := range n.drop {
		b = codec.AppendString(b, name)
	}
	return b
}

func parseNews(b []byte) (n *news, err error) {
	n = new(news)
	err = eachPair(b, func(key string, b []byte) (rest []byte, err error) {
		switch key {
		case keyAdd:
			n.add, rest, err = readIDs(b)
			return rest, err
		case keyShapes:
			n.shapes, rest, err = codec.ReadText(b)
			return rest, err
		case keyDrop:
			n.drop, rest, err = readNames(b)
			return rest, err
		}
		return codec.Skip(b)
	})
	return n, err
}

// readNames reads an array of names.
func readNames(b []byte) (names []string, rest []byte, err error) {
	n, b, err := codec.ReadArrayHeader(b)
	if err != nil {
		return nil, nil, err
	}
	if n > registry.MaxNames {
		return nil, nil, fmt.Errorf("%d names, at most %d are taken", n, registry.MaxNames)
	}
	for range n {
		var name []byte
		if name, b, err = codec.ReadText(b); err != nil {
			return nil, nil, err
		}
		names = append(names, string(name))
	}
	return names, b, nil
}

// newsKey is what news depend on: what was told, the registry's table, and the size of an
// update.
type newsKey struct {
	told *toldIDs
	base *registry.Table
	size int
}

// heardKey is what follows from an update that was received: the side that it is from, the
// update, and what this side has.
type heardKey struct {
	from   *remoteSide
	update string
	base   *registry.Table
}

// registryChanged is called when packets were added or removed, on any goroutine.
func (p *Peer) registryChanged() {
	if p.cfg.NoExtensions {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.updateDue || p.actives.n == 0 {
		return
	}
	p.updateDue = p.reactor.Loops()[0].Post(p.scheduleUpdates) == nil
}

// scheduleUpdates has updates told now, or updatePause after the last ones. On the first loop.
func (p *Peer) scheduleUpdates() {
	loop := p.reactor.Loops()[0]
	if wait := p.updatesAfter - loop.Time(); wait > 0 {
		loop.After(wait, p.tellUpdates)
		return
	}
	p.tellUpdates()
}

// tellUpdates tells all conns what is new. On the first loop.
func (p *Peer) tellUpdates() {
	p.updatesAfter = p.reactor.Loops()[0].Time() + updatePause
	p.mu.Lock()
	p.updateDue = false
	conns := p.actives.all()
	p.mu.Unlock()
	byLoop := make(map[*engine.Loop][]*Conn)
	for _, c := range conns {
		byLoop[c.Loop()] = append(byLoop[c.Loop()], c)
	}
	for _, loop := range p.reactor.Loops() {
		tellNews(loop, byLoop[loop])
	}
}

// tellNews tells conns of one loop what is new, some at a time so that others have their turns.
func tellNews(loop *engine.Loop, conns []*Conn) {
	if len(conns) == 0 {
		return
	}
	loop.Post(func() {
		n := 0
		defer func() { tellNews(loop, conns[n:]) }() // an observer may call Goexit
		for n < min(len(conns), updateChunk) {
			c := conns[n]
			n++
			c.callProgram(c.tellNews)
		}
	})
}

// tellNews tells the other side what packets were added and removed since it was told, in as
// many updates as it takes. On the loop only.
func (c *Conn) tellNews() {
	for c.Uses(FeatureOptional) && c.State() == Active && !c.marked(aborted) && c.flags.has(made) {
		base, a := c.peer.reg.Table(), c.ids.Load()
		told := a.told
		if told.base == base || a.theirs == nil { // nothing is new, or the other side is about to refuse the conn
			return
		}
		if err := c.tell(c.peer.newsOf(told, base, min(updateSize, int(c.maxSend.Load())/2))); err != nil {
			if errors.Is(err, ErrBackpressure) { // what is new cannot be sent until it is told
				c.tellLater()
			}
			return
		}
	}
}

// tellLater has tellNews called again.
func (c *Conn) tellLater() {
	a := c.attach()
	if a.tellsLater {
		return
	}
	a.tellsLater = true
	c.link.Loop().After(updateRetry, func() {
		a.tellsLater = false
		c.callProgram(c.tellNews)
	})
}

// tell tells the other side n. ErrBackpressure means that there is no room for it, or that the
// other side was told as much as it takes at a time.
func (c *Conn) tell(n *news) error {
	empty := len(n.add)+len(n.drop) == 0
	if !empty {
		if !c.attach().told.take(c.now(), tellBurst, tellRate) {
			return ErrBackpressure
		}
		if err := c.sendFeature(registry.IDUpdate, n.append(nil)); err != nil {
			return err
		}
	}
	err := c.change(func(k idKey) (idKey, error) {
		k.told = n.told
		return k, nil
	})
	if !empty {
		c.tellUpdated()
	}
	return err
}

// newsOf returns what a side that has told told is to tell next. Conns share it.
func (p *Peer) newsOf(told *toldIDs, base *registry.Table, size int) *news {
	p.ids.mu.Lock()
	defer p.ids.mu.Unlock()
	n, _ := p.ids.news.get(newsKey{told, base, size}, func() (*news, error) {
		n := newsOf(told, base, size)
		n.told = intern(&p.ids.tolds, n.told, (*toldIDs).equal)
		return n, nil
	})
	return n
}

// newsOf is what base has that told has not, and the other way round, as much as an update of
// size bytes has room for. A packet that was told before keeps its id, and an id that was told
// is never that of another packet: one that would be is not told.
func newsOf(told *toldIDs, base *registry.Table, size int) *news {
	n := &news{told: &toldIDs{base: base}}
	fits := func(name string) bool {
		if size -= len(name) + updateEntry; size < 0 && len(n.add)+len(n.drop) > 0 {
			n.told.base = told.base // the rest comes in the next update
			return false
		}
		return true
	}
	ids := make(map[string]uint16) // that were told, now or before
	names := make(map[uint16]string)
	live := make(map[string]bool)
	for _, e := range slices.Concat(told.gone, told.ids) {
		ids[e.Name], names[e.ID] = e.ID, e.Name
	}
	for _, e := range told.ids {
		live[e.Name] = true
		if base.Named(e.Name) != nil || !fits(e.Name) {
			n.told.ids = append(n.told.ids, e)
		} else {
			n.drop = append(n.drop, e.Name)
			n.told.gone = append(n.told.gone, e)
		}
	}
	back := make(map[string]bool)
	for _, e := range base.IDs() {
		id, before := ids[e.Name]
		switch {
		case live[e.Name], base.Named(e.Name).Internal():
			continue
		case before:
			e.ID = id
		case names[e.ID] != "", len(ids) >= registry.MaxNames:
			continue
		}
		if !fits(e.Name) {
			break
		}
		back[e.Name] = before
		ids[e.Name], names[e.ID] = e.ID, e.Name
		n.add = append(n.add, e)
		n.told.ids = append(n.told.ids, e)
	}
	for _, e := range told.gone {
		if !back[e.Name] {
			n.told.gone = append(n.told.gone, e)
		}
	}
	n.shapes = appendShapes(nil, base, n.add)
	return n
}

// heard returns what the side from has told after an update. Conns share it.
func (p *Peer) heard(from *remoteSide, update []byte, base *registry.Table) (*remoteSide, error) {
	p.ids.mu.Lock()
	defer p.ids.mu.Unlock()
	return p.ids.heard.get(heardKey{from, string(update), base}, func() (*remoteSide, error) {
		n, err := parseNews(update)
		if err != nil {
			return nil, &PayloadError{"update of the ids", err}
		}
		s, err := from.hearing(n, base)
		if err != nil {
			return nil, err
		}
		return intern(&p.ids.sides, s, (*remoteSide).equal), nil
	})
}

// hearing is s after it has told n, to a side whose packets are those of base. An id never
// changes its packet.
func (s *remoteSide) hearing(n *news, base *registry.Table) (*remoteSide, error) {
	to := &remoteSide{features: s.features, version: s.version}
	drop := make(map[string]bool, len(n.drop))
	for _, name := range n.drop {
		drop[name] = true
	}
	ids := make(map[string]uint16) // that were told, now or before
	names := make(map[uint16]string)
	back := make(map[string]bool, len(n.add)) // those that are added, and were not there
	for _, e := range n.add {
		back[e.Name] = true
	}
	for i, e := range s.ids {
		ids[e.Name], names[e.ID] = e.ID, e.Name
		switch {
		case drop[e.Name] && e.ID >= registry.MinID:
			to.gone = append(to.gone, e)
		case back[e.Name]:
			return nil, fmt.Errorf("adds a packet twice, with id %d", e.ID)
		default:
			to.ids, to.shapes = append(to.ids, e), append(to.shapes, s.shapes[i])
		}
	}
	for _, e := range s.gone {
		ids[e.Name], names[e.ID] = e.ID, e.Name
		if !back[e.Name] {
			to.gone = append(to.gone, e)
		}
	}
	for _, e := range n.add {
		if id, before := ids[e.Name]; e.ID < registry.MinID || before && id != e.ID || names[e.ID] != "" && names[e.ID] != e.Name || !back[e.Name] {
			return nil, fmt.Errorf("adds a packet with id %d, which is that of another, or has another id itself", e.ID)
		}
		delete(back, e.Name) // a second time it is a fault
		ids[e.Name], names[e.ID] = e.ID, e.Name
	}
	if len(ids) > registry.MaxNames {
		return nil, fmt.Errorf("tells more than %d packets", registry.MaxNames)
	}
	to.add(n.add, readShapes(n.shapes, len(n.add)), base)
	return to, nil
}

// onUpdate handles the other side's update.
func (c *Conn) onUpdate(payload []byte) {
	if len(payload) > maxPubIDsPayload {
		c.violation(registry.IDUpdate, "is too long")
		return
	}
	if !c.mayUpdate() {
		c.violation(registry.IDUpdate, "came too often")
		return
	}
	before := c.ids.Load().theirs
	err := c.change(func(k idKey) (_ idKey, err error) {
		if k.theirs == nil {
			return k, errors.New("came from a side whose packets are other ones")
		}
		k.theirs, err = c.peer.heard(k.theirs, payload, k.base)
		return k, err
	})
	if _, bad := err.(*PayloadError); bad {
		c.fault(ReasonPayload, err)
	} else if err != nil {
		c.violation(registry.IDUpdate, err.Error())
	} else {
		c.noteAdded(before, c.ids.Load().theirs)
		c.tellUpdated()
	}
}

// noteAdded is noteDiffering for the packets that an update has added: the last ones of the
// side, since it keeps the order of those before.
func (c *Conn) noteAdded(before, after *remoteSide) {
	old := make(map[string]bool, len(before.ids))
	for _, e := range before.ids {
		old[e.Name] = true
	}
	i := slices.IndexFunc(after.ids, func(e registry.Entry) bool { return !old[e.Name] })
	if i >= 0 {
		c.noteDiffering(after.ids[i:], after.shapes[i:])
	}
}

// mayUpdate reports whether one more update may come. Each takes some time to handle, which a
// side could use to keep the loop from the others.
func (c *Conn) mayUpdate() bool {
	return c.attach().heard.take(c.now(), updateBurst, updateRate)
}

// updateBudget is how many updates went lately in one of a conn's directions.
type updateBudget struct {
	n  int
	at engine.Ticks // when the last one did
}

// take takes one of burst, of which rate are there again each tick. It reports whether there
// was one.
func (u *updateBudget) take(now engine.Ticks, burst, rate int) bool {
	u.n = max(0, u.n-int(now-u.at)*rate)
	u.at = now
	if u.n == burst {
		return false
	}
	u.n++
	return true
}
