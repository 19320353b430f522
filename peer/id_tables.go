package peer

// The ids of packets on the wire. Each side tells the other its names and ids in pubids, and
// perhaps later in updates (id_updates.go). A packet can be sent when both sides have told it.
// Its id is the one that the side which does not adapt has told, for that conn alone.
//
// All of this is the same for many conns, which share it: what two conns were told is one
// value in memory if it is the same. Nothing of it changes: a conn gets another idTables.

import (
	"slices"
	"sync"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// idTables is what the two sides of a conn have told each other, and what follows from it.
type idTables struct {
	idKey
	table *registry.Table // the packets of base that both sides have told, under their ids on the wire

	once  sync.Once
	known map[uint16]struct{} // see wasTold
}

// idKey is what the tables follow from.
type idKey struct {
	told   *toldIDs        // by this side
	theirs *remoteSide     // by the other side; nil before its pubids
	adapts bool            // this side takes over the other's ids
	base   *registry.Table // the registry's table that the conn's is made from
}

// toldIDs are the packets that this side has told, from the registry's table base on.
type toldIDs struct {
	base *registry.Table
	ids  []registry.Entry // in the order in which they were told
	gone []registry.Entry // told, and removed since. Their ids are not used for other packets
}

// make makes the tables.
func (k idKey) make() *idTables {
	if k.theirs == nil {
		return &idTables{idKey: k, table: k.base.Rebase(k.told.ids)}
	}
	return &idTables{idKey: k, table: k.base.Rebase(k.inCommon())}
}

// inCommon are the packets that both sides have told, with their ids on the wire.
func (k idKey) inCommon() (ids []registry.Entry) {
	own := make(map[string]uint16, len(k.told.ids))
	for _, e := range k.told.ids {
		own[e.Name] = e.ID
	}
	for _, e := range k.theirs.ids {
		id, ok := own[e.Name]
		if !k.adapts {
			e.ID = id
		}
		if ok {
			ids = append(ids, e)
		}
	}
	return ids
}

// wasTold reports whether an id is one that was told for the conn, perhaps of a packet that was
// removed since: the other side may have sent it before it knew.
func (a *idTables) wasTold(id uint16) bool {
	a.once.Do(func() {
		told := [][]registry.Entry{a.told.ids, a.told.gone}
		if a.adapts && a.theirs != nil {
			told = [][]registry.Entry{a.theirs.ids, a.theirs.gone}
		}
		a.known = make(map[uint16]struct{})
		for _, ids := range told {
			for _, e := range ids {
				a.known[e.ID] = struct{}{}
			}
		}
	})
	_, ok := a.known[id]
	return ok
}

// sharedIDs keeps what conns have told each other for the next conns that do the same.
type sharedIDs struct {
	mu sync.Mutex

	// Guarded by mu. Each holds the most recent ones, in no order.
	meetings recent[meetingKey, *idTables]
	tables   recent[idKey, *idTables]
	news     recent[newsKey, *news]
	heard    recent[heardKey, *remoteSide]
	tolds    []*toldIDs
	sides    []*remoteSide
}

// meetingKey is what the outcome of two pubids depends on.
type meetingKey struct {
	told     *toldIDs
	adapts   bool
	features features // of the other side
	heard    string   // the parts of the other side's pubids that count
}

// recent is a map that keeps a few values.
type recent[K comparable, V any] struct {
	entries [maxRecent]struct {
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

// maxRecent is how many values a recent keeps, and how many are compared by intern.
const maxRecent = 8

// intern returns the one of the recent values that is equal to v, or v, which is kept then.
func intern[T any](kept *[]*T, v *T, equal func(a, b *T) bool) *T {
	for _, old := range *kept {
		if equal(old, v) {
			return old
		}
	}
	if len(*kept) == maxRecent {
		*kept = slices.Delete(*kept, 0, 1)
	}
	*kept = append(*kept, v)
	return v
}

// tables returns the tables for a key. Conns with the same key share them.
func (p *Peer) tables(k idKey) *idTables {
	p.ids.mu.Lock()
	defer p.ids.mu.Unlock()
	a, _ := p.ids.tables.get(k, func() (*idTables, error) { return k.make(), nil })
	return a
}

// ownPubIDs is what this side tells in pubids, for one state of the registry.
type ownPubIDs struct {
	base        *registry.Table
	payload     []byte    // without details and token
	optional    []byte    // the detail of FeatureOptional; nil: there is no optional packet
	shapes      []byte    // the detail of FeatureShapes, of all packets
	mustShapes  []byte    // the same, of those that are not optional
	dropsOldest bool      // some packet's policy is DropOldest
	all         idTables  // of a conn that was told all packets, before it has heard anything
	must        *idTables // of one that was told those that are not optional
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
	own.all = idTables{idKey: idKey{told: &toldIDs{base: table, ids: all}, base: table}, table: table}
	own.must = own.all.idKey.make()
	if len(optional) > 0 {
		own.must = idKey{told: &toldIDs{base: table, ids: ids}, base: table}.make()
	}
	return own
}

// tables is what a conn has after it has told its packets and before it has heard the other
// side's. A side that adapts can take a packet that it has not told, if the other side has it.
func (own *ownPubIDs) tables(fs features, adapts bool) *idTables {
	if fs.has(FeatureOptional) || adapts {
		return &own.all
	}
	return own.must
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
		if a.base != base {
			k := a.idKey
			k.base = base
			if b := c.peer.tables(k); c.ids.CompareAndSwap(a, b) {
				return b.table
			}
			continue
		}
		return a.table
	}
}

// change replaces what the sides have told each other by what f makes of it. On the loop only;
// newTable may replace it at the same time.
func (c *Conn) change(f func(k idKey) (idKey, error)) error {
	for {
		a := c.ids.Load()
		k, err := f(a.idKey)
		if err != nil {
			return err
		}
		if c.ids.CompareAndSwap(a, c.peer.tables(k)) {
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
	a, err := p.ids.meetings.get(key, func() (*idTables, error) { return p.met(told, m, key.features, adapts) })
	p.ids.mu.Unlock()
	if err != nil {
		return err
	}
	err = c.change(func(idKey) (idKey, error) { return a.idKey, nil })
	c.noteDiffering(a.theirs.ids, a.theirs.shapes)
	return err
}

// met is the outcome of two pubids, with p.ids.mu held.
func (p *Peer) met(told *toldIDs, m *pubIDsMsg, theirFeatures features, adapts bool) (*idTables, error) {
	ids, _, err := readIDs(m.idmap)
	if err != nil {
		return nil, &PayloadError{registry.NamePubIDs, err}
	}
	m.ids = ids
	optional, err := m.optional()
	if err != nil {
		return nil, err
	}
	if adapts {
		_, err = told.base.Adapt(m.ids, optional...)
	} else {
		_, err = told.insisting().Restrict(m.ids, optional...)
	}
	if err != nil {
		return nil, err
	}
	theirs := intern(&p.ids.sides, newRemoteSide(m, optional, theirFeatures, told.base), (*remoteSide).equal)
	k := idKey{told: told, theirs: theirs, adapts: adapts, base: told.base}
	return p.ids.tables.get(k, func() (*idTables, error) { return k.make(), nil })
}

// insisting is the table of a side that keeps its ids: what it has told, which may be less than
// the registry has.
func (t *toldIDs) insisting() *registry.Table {
	if len(t.ids) == t.base.Len() {
		return t.base
	}
	table, _ := t.base.Restrict(t.ids) // what is missing is optional
	return table
}

// equal reports whether two sides have told the same.
func (t *toldIDs) equal(u *toldIDs) bool {
	return t.base == u.base && slices.Equal(t.ids, u.ids) && slices.Equal(t.gone, u.gone)
}
