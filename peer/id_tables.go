package peer

// The ids of packets on the wire. Each side tells the other its names and ids in
// pubids; the side that adapts takes the other's ids over, for that conn alone.

import (
	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// ownPubIDs is what this side tells in pubids, for one state of the registry.
type ownPubIDs struct {
	payload     []byte
	dropsOldest bool     // some packet's policy is DropOldest
	told        idTables // the tables of a conn that was told this and does not adapt
}

// rebased returns the tables for base, the registry's newest table, of the conns that have
// told as their ids. These conns share them.
func (p *Peer) rebased(told, base *registry.Table) *idTables {
	for {
		last := p.lastRebased.Load()
		if last != nil && last.told == told && last.base == base {
			return last
		}
		a := &idTables{told: told, base: base, table: base.Rebase(told.IDs())}
		if p.lastRebased.CompareAndSwap(last, a) {
			return a
		}
	}
}

// ownPubIDs returns what this side tells in pubids. It is the same for all conns until the
// registry changes.
func (p *Peer) ownPubIDs(table *registry.Table) *ownPubIDs {
	e := p.pubIDs.Load()
	if e == nil || e.told.told != table {
		m := pubIDsMsg{adapt: p.reg.Adapts(), ids: table.IDs()}
		e = &ownPubIDs{payload: m.append(nil), told: idTables{table, table, table}}
		for _, id := range m.ids {
			e.dropsOldest = e.dropsOldest || table.Type(id.ID).Options().Overflow == registry.DropOldest
		}
		p.pubIDs.Store(e)
	}
	return e
}

// idTables is the ids under which both sides of a conn know the packets: the other side's
// if this side adapts, else this side's as they were during the handshake. Conns with the
// same ids share it. It does not change.
type idTables struct {
	told  *registry.Table // the packets and ids of the handshake
	base  *registry.Table // the registry's table that table was made from
	table *registry.Table // the packets of base, under the ids of told
}

// table is the conn's dispatch table: the packets of the registry, under the ids of the
// handshake, or under the registry's own before it.
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
	base, a := c.peer.reg.Table(), c.ids.Load()
	if a == nil {
		return base
	}
	a = c.peer.rebased(a.told, base)
	c.ids.Store(a)
	return a.table
}

// setPolicy overwrites, in the payload of pubids that begins at start, whether its side
// adapts.
func setPolicy(b []byte, start int, adapts bool) {
	at := start + 1 + 1 + len(keyAdapt) // after the headers of the map and of the key
	codec.AppendBool(b[:at], adapts)
}

// adapt takes the other side's ids over, for this conn alone. They must be those of the
// packets that this side has told, whatever was added or removed since.
func (c *Conn) adapt(ids []registry.Entry) error {
	base := c.ids.Load().told
	from, last := base, c.peer.lastAdapted.Load()
	if last != nil && last.base == base {
		from = last.table
	}
	table, err := from.Adapt(ids)
	if err != nil {
		return err
	}
	if last == nil || table != last.table {
		last = &idTables{told: table, base: base, table: table}
		c.peer.lastAdapted.Store(last)
	}
	c.ids.Store(last)
	return nil
}
