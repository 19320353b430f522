package peer

// The ids of packets on the wire. Each side tells the other its names and ids in pubids, and
// perhaps later in updates (id_updates.go). A packet can be sent when both sides have told it.
// Its id is the one that the side which does not adapt has told, for that conn alone.
//
// All of this is the same for many conns, which share it. Nothing of it changes: a conn gets
// another idTables.

import (
	"maps"
	"slices"
	"sync"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// idTables is what the two sides of a conn have told each other, and what follows from it.
type idTables struct {
	told   *toldIDs        // by this side
	theirs *remoteSide     // by the other side; nil before its pubids
	adapts bool            // this side takes over the other's ids
	base   *registry.Table // the registry's table that table was made from
	table  *registry.Table // the packets of base that both sides have told, under their ids on the wire

	agreed []registry.Entry    // the packets that both have told, with their ids on the wire
	former map[uint16]struct{} // ids that were in use once and are not any more, since packets were removed

	once  sync.Once
	known map[uint16]struct{} // see wasAgreed
}

// toldIDs are the packets that this side has told, from the registry's table base on.
type toldIDs struct {
	base *registry.Table
	ids  []registry.Entry // in the order in which they were told
	gone []registry.Entry // told, and removed since. Their ids are not used for other packets
}

// inCommon are the packets that both sides have told, with their ids on the wire.
func inCommon(told *toldIDs, theirs *remoteSide, adapts bool) (agreed []registry.Entry) {
	own := make(map[string]uint16, len(told.ids))
	for _, e := range told.ids {
		own[e.Name] = e.ID
	}
	for _, e := range theirs.ids {
		id, ok := own[e.Name]
		if !adapts {
			e.ID = id
		}
		if ok {
			agreed = append(agreed, e)
		}
	}
	return agreed
}

// wasAgreed reports whether an id is that of a packet on this conn, or was that of one which
// has been removed: the other side may have sent it before it knew.
func (a *idTables) wasAgreed(id uint16) bool {
	a.once.Do(func() {
		a.known = maps.Clone(a.former)
		if a.known == nil {
			a.known = make(map[uint16]struct{}, len(a.agreed))
		}
		for _, e := range a.agreed {
			a.known[e.ID] = struct{}{}
		}
	})
	_, ok := a.known[id]
	return ok
}

// on returns the same for base, a newer table of the registry.
func (a *idTables) on(base *registry.Table) *idTables {
	return &idTables{told: a.told, theirs: a.theirs, adapts: a.adapts, base: base,
		table: base.Rebase(a.agreed), agreed: a.agreed, former: a.former}
}

// sharedIDs keeps what conns have told each other for the next conns that do the same.
type sharedIDs struct {
	mu sync.Mutex

	// Guarded by mu. Each holds the most recent ones, in no order.
	meetings recent[meetingKey, *idTables]
	rebased  recent[rebaseKey, *idTables]
	updates  recent[updateKey, *idTables]
	news     recent[newsKey, *news]
}

// meetingKey is what the outcome of two pubids depends on.
type meetingKey struct {
	told     *toldIDs
	adapts   bool
	features features // of the other side
	heard    string   // the parts of the other side's pubids that count
}

type rebaseKey struct {
	from *idTables
	base *registry.Table
}

// recent is a map that keeps a few values.
type recent[K comparable, V any] struct {
	entries [8]struct {
		key K
		v   V
		ok  bool
	}
	next int
}

// get returns the value for a key, made if it is not there.
func (r *recent[K, V]) get(key K, fresh func() (V, error)) (v V, err error) {
	for i := range r.entries {
		if e := &r.entries[i]; e.ok && e.key == key {
			return e.v, nil
		}
	}
	if v, err = fresh(); err != nil {
		return v, err
	}
	e := &r.entries[r.next%len(r.entries)]
	e.key, e.v, e.ok = key, v, true
	r.next++
	return v, nil
}

// rebased returns a for base, the registry's newest table. Conns with the same a share it.
func (p *Peer) rebased(a *idTables, base *registry.Table) *idTables {
	p.ids.mu.Lock()
	defer p.ids.mu.Unlock()
	b, _ := p.ids.rebased.get(rebaseKey{a, base}, func() (*idTables, error) { return a.on(base), nil })
	return b
}

// ownPubIDs is what this side tells in pubids, for one state of the registry.
type ownPubIDs struct {
	base        *registry.Table
	payload     []byte   // without details and token
	optional    []byte   // the detail of FeatureOptional; nil: there is no optional packet
	shapes      []byte   // the detail of FeatureShapes, of all packets
	mustShapes  []byte   // the same, of those that are not optional
	dropsOldest bool     // some packet's policy is DropOldest
	all, must   idTables // of a conn that was told all packets, or those that are not optional, before it has heard anything
}

// ownPubIDs returns what this side tells in pubids. It is the same for all conns until the
// registry changes.
func (p *Peer) ownPubIDs(table *registry.Table) *ownPubIDs {
	own := p.pubIDs.Load()
	if own == nil || own.base != table {
		own = p.newPubIDs(table)
		p.pubIDs.Store(own)
	}
	return own
}

func (p *Peer) newPubIDs(table *registry.Table) *ownPubIDs {
	ids, optional := table.Told()
	own := &ownPubIDs{base: table, payload: pubIDsMsg{adapt: p.reg.Adapts(), ids: ids}.append(nil)}
	all := slices.Concat(ids, optional)
	if hasShapes(table, all) {
		own.shapes = appendShapes(nil, table, all)
		own.mustShapes = own.shapes[:shapeSize*len(ids)]
	}
	if len(optional) > 0 {
		own.optional = appendIDs(nil, optional)
	}
	for _, e := range all {
		own.dropsOldest = own.dropsOldest || table.Named(e.Name).Options().Overflow == registry.DropOldest
	}
	own.all = idTables{told: &toldIDs{base: table, ids: all}, agreed: all, base: table, table: table}
	own.must = idTables{told: own.all.told, agreed: all, base: table, table: table}
	if len(optional) > 0 {
		must, _ := table.Restrict(ids)
		own.must = idTables{told: &toldIDs{base: table, ids: ids}, agreed: ids, base: table, table: must}
	}
	return own
}

// tables is what a conn has after it has told its packets and before it has heard the other
// side's.
func (own *ownPubIDs) tables(fs features) *idTables {
	if fs.has(FeatureOptional) {
		return &own.all
	}
	return &own.must
}

// details is what the features of this package tell, those in fs.
func (own *ownPubIDs) details(fs features, version string) (all []detail) {
	if fs.has(FeatureOptional) && own.optional != nil {
		all = append(all, detail{FeatureOptional, own.optional})
	}
	switch {
	case !fs.has(FeatureShapes), own.shapes == nil:
	case fs.has(FeatureOptional):
		all = append(all, detail{FeatureShapes, own.shapes})
	default:
		all = append(all, detail{FeatureShapes, own.mustShapes})
	}
	if fs.has(FeatureProgram) && version != "" {
		all = append(all, detail{FeatureProgram, []byte(version)})
	}
	return all
}

// table is the conn's dispatch table: the packets of the registry that both sides have told,
// or all of them before they have.
func (c *Conn) table() *registry.Table {
	a := c.ids.Load()
	if a == nil || a.base != c.peer.reg.Table() {
		return c.newTable()
	}
	return a.table
}

// newTable is table for a conn that has no tables yet, or whose tables were made before
// the registry changed.
func (c *Conn) newTable() *registry.Table {
	for {
		base, a := c.peer.reg.Table(), c.ids.Load()
		if a == nil {
			return base
		}
		if a.base == base {
			return a.table
		}
		b := c.peer.rebased(a, base)
		if c.ids.CompareAndSwap(a, b) {
			return b.table
		}
	}
}

// change replaces what the sides have told each other by what f makes of it. On the loop only;
// newTable may replace it at the same time.
func (c *Conn) change(f func(a *idTables) (*idTables, error)) error {
	for {
		a := c.ids.Load()
		b, err := f(a)
		if err != nil {
			return err
		}
		if c.ids.CompareAndSwap(a, b) {
			return nil
		}
	}
}

// setPolicy overwrites, in the payload of pubids that begins at start, whether its side
// adapts.
func setPolicy(b []byte, start int, adapts bool) {
	at := start + 1 + 1 + len(keyAdapt) // after the headers of the map and of the key
	codec.AppendBool(b[:at], adapts)
}

// meet takes over what the other side has told in its pubids. If this side adapts, that are
// its ids. The names must fit those that this side has told, whatever was added or removed
// since.
func (c *Conn) meet(m *pubIDsMsg, adapts bool) error {
	p := c.peer
	told := c.ids.Load().told
	key := meetingKey{told: told, adapts: adapts, features: c.announcedByOther(), heard: m.heard()}
	p.ids.mu.Lock()
	a, err := p.ids.meetings.get(key, func() (*idTables, error) { return p.met(told, m, c.announcedByOther(), adapts) })
	p.ids.mu.Unlock()
	if err != nil {
		return err
	}
	c.noteDiffering(a.theirs)
	return c.change(func(*idTables) (*idTables, error) { return a, nil })
}

// met is the outcome of two pubids.
func (p *Peer) met(told *toldIDs, m *pubIDsMsg, theirFeatures features, adapts bool) (*idTables, error) {
	optional, err := m.optional()
	if err != nil {
		return nil, err
	}
	a := &idTables{told: told, adapts: adapts, base: told.base}
	if adapts {
		a.table, err = told.base.Adapt(m.ids, optional...)
	} else {
		a.table, err = told.insisting().Restrict(m.ids, optional...)
	}
	if err != nil {
		return nil, err
	}
	a.agreed = a.table.IDs()
	a.theirs = newRemoteSide(m, optional, theirFeatures, told.base)
	return a, nil
}

// insisting is the table of a side that keeps its ids: what it has told, which may be less than
// the registry has. A side that adapts can take a packet that it has not told if the other
// side has told it.
func (t *toldIDs) insisting() *registry.Table {
	if len(t.ids) == t.base.Len() {
		return t.base
	}
	table, _ := t.base.Restrict(t.ids) // what is missing is optional
	return table
}
