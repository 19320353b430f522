package peer

// Remote: what the other side of a conn has told of itself.

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// Remote is what the other side of a conn has told of itself in the handshake and since. It is
// a snapshot, and may be kept. The zero Remote has told nothing, as the Python library does.
type Remote struct {
	side *remoteSide
	reg  *registry.Registry
}

// Remote is what the other side has told, from when its pubids was taken. It stays after the
// end.
func (c *Conn) Remote() Remote {
	if c.check() != nil {
		return Remote{}
	}
	if a := c.ids.Load(); a != nil && a.theirs != nil {
		return Remote{a.theirs, c.peer.reg}
	}
	return Remote{}
}

// Has reports whether the other side has announced a feature. Conn.Uses tells whether this
// side has too.
func (r Remote) Has(f Feature) bool { return r.side != nil && r.side.features.has(f) }

// Version is the Identity.Version of the other side's program, or empty.
func (r Remote) Version() string {
	if r.side == nil {
		return ""
	}
	return r.side.version
}

// Differs reports whether the other side's type of a packet has another shape than this
// side's: fields of other names or kinds, as Type.Shape hashes them. It is false where one of
// the sides does not tell, or has no Go type for the packet.
func (r Remote) Differs(pkt registry.Definition) bool {
	if r.side == nil {
		return false
	}
	t, err := r.reg.Lookup(pkt)
	return err == nil && r.side.differs(t)
}

// Knows reports whether both sides have told a packet, so that it can be sent: always, for one
// that is not optional and was there when the conn was made.
func (c *Conn) Knows(pkt registry.Definition) bool {
	if c.check() != nil {
		return false
	}
	t, err := c.peer.reg.Lookup(pkt)
	return err == nil && c.knows(t)
}

func (c *Conn) knows(t *registry.Type) bool {
	_, ok := c.table().WireID(t)
	return ok && c.State() >= Active
}

// remoteSide is what another side has told. It does not change, and conns share it.
type remoteSide struct {
	features features
	version  string
	ids      []registry.Entry // its packets, but for most of those that this side lacks
	shapes   []uint32         // of ids; 0: it was not told

	gone []registry.Entry // packets that it has removed since
}

// equal reports whether two sides have told the same.
func (s *remoteSide) equal(u *remoteSide) bool {
	return s.features == u.features && s.version == u.version && slices.Equal(s.ids, u.ids) &&
		slices.Equal(s.shapes, u.shapes) && slices.Equal(s.gone, u.gone)
}

// maxLacked is how many packets of the other side are remembered that this side lacks. They
// are needed if this side adds them later; more are as if they were not told.
const maxLacked = 64

// heard is what the outcome of pubids depends on, besides this side.
func (m *pubIDsMsg) heard() string {
	var b strings.Builder
	b.Write(m.idmap)
	for _, f := range []Feature{FeatureOptional, FeatureShapes, FeatureProgram} {
		d := m.detail(f)
		fmt.Fprintf(&b, "|%d:", len(d))
		b.Write(d)
	}
	return b.String()
}

// optional reads the optional packets of the other side.
func (m *pubIDsMsg) optional() (ids []registry.Entry, err error) {
	d := m.detail(FeatureOptional)
	if d == nil {
		return nil, nil
	}
	ids, rest, err := readIDs(d)
	if err == nil && len(rest) > 0 {
		err = codec.ErrTrailing
	}
	if err != nil {
		return nil, &PayloadError{registry.NamePubIDs, fmt.Errorf("optional packets: %w", err)}
	}
	return ids, nil
}

// newRemoteSide is what the other side tells in pubids, to one whose packets are those of base.
func newRemoteSide(m *pubIDsMsg, optional []registry.Entry, fs features, base *registry.Table) *remoteSide {
	s := &remoteSide{features: fs, version: cleanVersion(string(m.detail(FeatureProgram)))}
	all := slices.Concat(m.ids, optional)
	s.add(all, readShapes(m.detail(FeatureShapes), len(all)), base)
	return s
}

// add adds packets that the other side has told. What this side has is kept under its own
// string, so that the input can be freed.
func (s *remoteSide) add(ids []registry.Entry, shapes []uint32, base *registry.Table) {
	lacked := 0
	for _, e := range s.ids {
		if base.Named(e.Name) == nil {
			lacked++
		}
	}
	for i, e := range ids {
		t := base.Named(e.Name)
		if t != nil {
			e.Name = t.Name()
		} else if lacked++; lacked > maxLacked || len(e.Name) > registry.MaxName {
			continue
		} else {
			e.Name = strings.Clone(e.Name)
		}
		s.ids = append(s.ids, e)
		shape := uint32(0)
		if shapes != nil {
			shape = shapes[i]
		}
		s.shapes = append(s.shapes, shape)
	}
}

// differ reports whether two shapes are of different types. 0 is of none.
func differ(a, b uint32) bool { return a != b && a != 0 && b != 0 }

// differs reports whether the side's packet of the name of t has another shape than t.
func (s *remoteSide) differs(t *registry.Type) bool {
	i := slices.IndexFunc(s.ids, func(e registry.Entry) bool { return e.Name == t.Name() })
	return i >= 0 && differ(t.Shape(), s.shapes[i])
}

// noteDiffering counts the packets of the other side whose shapes are not those of this side,
// and logs each type once.
func (c *Conn) noteDiffering(ids []registry.Entry, shapes []uint32) {
	p := c.peer
	table := p.reg.Table()
	for i, shape := range shapes {
		t := table.Named(ids[i].Name)
		if t == nil || !differ(t.Shape(), shape) {
			continue
		}
		if p.differing.add(t) {
			p.reactor.Log(p.cfg.Logger, slog.LevelWarn, "packet has another shape on the other side",
				"packet", t.Name(), "conn", c.id, "remote", c.RemoteAddr(), "version", c.Remote().Version())
		}
	}
}

// shapeSize is the size of one shape in pubids, in bytes.
const shapeSize = 4

// hasShapes reports whether one of the packets has a shape to tell.
func hasShapes(table *registry.Table, ids []registry.Entry) bool {
	return slices.ContainsFunc(ids, func(e registry.Entry) bool { return table.Named(e.Name).Shape() != 0 })
}

// appendShapes appends the shapes of packets, in their order.
func appendShapes(b []byte, table *registry.Table, ids []registry.Entry) []byte {
	for _, e := range ids {
		b = binary.BigEndian.AppendUint32(b, table.Named(e.Name).Shape())
	}
	return b
}

// readShapes returns the shapes of n packets, or nil if b is of another form.
func readShapes(b []byte, n int) []uint32 {
	if len(b) != shapeSize*n {
		return nil
	}
	shapes := make([]uint32, n)
	for i := range shapes {
		shapes[i] = binary.BigEndian.Uint32(b[shapeSize*i:])
	}
	return shapes
}

// maxVersion is the longest Identity.Version, in bytes.
const maxVersion = 64

// cleanVersion is v as UTF-8 of at most maxVersion bytes.
func cleanVersion(v string) string {
	return strings.ToValidUTF8(strings.Clone(v[:min(len(v), maxVersion)]), "")
}
