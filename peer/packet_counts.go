package peer

// How many packets come and leave, of each conn and of each type. Loops count without a lock
// or an atomic operation. Most packets are of the same conn and type as the one before them on
// their loop, so they are counted in a run, and looked up when the run is over.

import (
	"context"
	"encoding/binary"
	"math"
	"slices"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// Traffic is a number of packets, and the bytes of their frames as they are on the wire, each
// with its header of 6 bytes.
type Traffic struct{ Packets, Bytes uint64 }

func (n *Traffic) add(m Traffic) {
	n.Packets += m.Packets
	n.Bytes += m.Bytes
}

// PacketCount is how many packets of one type have come and left.
type PacketCount struct {
	// Packet is the type. It is nil for those that are not counted one by one: of a conn,
	// more than 32 types; of a peer, types that were removed from the registry.
	Packet *registry.Type

	// In are packets that came, and that the state of their conn allowed to be handled.
	In Traffic

	// Out are packets that were given to the transport, or are about to be when the
	// callback ends that has written them. One that waits in the queue of a send, or was
	// dropped there, is not among them.
	Out Traffic

	// Failed are those of In that could not be decoded, or whose handler, hook or
	// middleware panicked or returned an error other than ErrDrop or a Reason.
	Failed uint64
}

func (n *PacketCount) add(m *PacketCount) {
	n.In.add(m.In)
	n.Out.add(m.Out)
	n.Failed += m.Failed
}

// maxCountedTypes is how many types are counted one by one for a conn. One takes 48 bytes.
const maxCountedTypes = 32

// loopCounts are the counts of one loop. Loop only.
type loopCounts struct {
	in, out countRun
	types   []PacketCount // by Type.Index
	removed PacketCount   // of types that are not in the registry any more
	settled uint64        // packets that came, those of the run in left out
	_       [56]byte      // loops do not share cache lines
}

// countRun are packets of one conn and type that came or left one after the other, and are in
// no other count yet.
type countRun struct {
	c *Conn // nil: there are none
	t *registry.Type
	n Traffic
}

// counts are those of the conn's loop.
func (c *Conn) counts() *loopCounts { return &c.peer.counts[c.link.Loop().Index()] }

// countIn counts a packet that came, with a frame of so many bytes.
func (l *loopCounts) countIn(c *Conn, t *registry.Type, bytes int) {
	if l.in.c != c || l.in.t != t {
		l.beginIn(c, t)
	}
	l.in.n.Packets++
	l.in.n.Bytes += uint64(bytes)
}

// countOut counts a packet that leaves.
func (l *loopCounts) countOut(c *Conn, t *registry.Type, bytes int) {
	if l.out.c != c || l.out.t != t {
		l.beginOut(c, t)
	}
	l.out.n.Packets++
	l.out.n.Bytes += uint64(bytes)
}

// uncountOut takes a packet back that was counted and does not leave after all.
func (l *loopCounts) uncountOut(c *Conn, t *registry.Type, bytes int) {
	l.countManyOut(c, t, Traffic{1, uint64(bytes)}, true)
}

// countManyOut counts packets of one type that leave, or takes them back. A nil t is this
// library's own.
func (l *loopCounts) countManyOut(c *Conn, t *registry.Type, n Traffic, back bool) {
	if t == nil {
		return
	}
	if l.out.c != c || l.out.t != t {
		l.beginOut(c, t)
	}
	if back { // below 0 it wraps, which the sum undoes
		n = Traffic{-n.Packets, -n.Bytes}
	}
	l.out.n.add(n)
}

func (l *loopCounts) beginIn(c *Conn, t *registry.Type) {
	l.settleIn()
	l.in.c, l.in.t = c, t
}

func (l *loopCounts) beginOut(c *Conn, t *registry.Type) {
	l.settleOut()
	l.out.c, l.out.t = c, t
}

// settleIn ends the run of packets that came. The type stays, as that of the last one. A run of
// packets that left, of the same conn and type, ends with it, so that the counts are looked up
// once for both: so it is where packets are answered by others of their type.
func (l *loopCounts) settleIn() {
	r := &l.in
	if r.c == nil {
		return
	}
	l.settled += r.n.Packets
	ofLoop, ofConn := l.typeCount(r.t), r.c.typeCount(r.t)
	ofLoop.In.add(r.n)
	ofConn.In.add(r.n)
	if l.out.c == r.c && l.out.t == r.t {
		ofLoop.Out.add(l.out.n)
		ofConn.Out.add(l.out.n)
		l.out = countRun{}
	}
	r.c, r.n = nil, Traffic{}
}

// settleOut ends the run of packets that leave.
func (l *loopCounts) settleOut() {
	r := &l.out
	if r.c == nil {
		return
	}
	l.typeCount(r.t).Out.add(r.n)
	r.c.typeCount(r.t).Out.add(r.n)
	*r = countRun{}
}

func (l *loopCounts) settle() {
	l.settleIn()
	l.settleOut()
}

// typeCount is the count of a type.
func (l *loopCounts) typeCount(t *registry.Type) *PacketCount {
	i := t.Index()
	if i >= len(l.types) {
		l.types = append(l.types, make([]PacketCount, max(i+1, 2*len(l.types))-len(l.types))...)
	}
	n := &l.types[i]
	if n.Packet != t {
		if n.Packet != nil { // a removed packet had the index
			l.removed.add(n)
		}
		*n = PacketCount{Packet: t}
	}
	return n
}

// typeCount is the conn's count of a type.
func (c *Conn) typeCount(t *registry.Type) *PacketCount {
	a := c.attach()
	if a.firstCount.Packet == nil {
		a.firstCount.Packet = t
	}
	if a.firstCount.Packet == t {
		return &a.firstCount
	}
	for i := range a.counts {
		if n := &a.counts[i]; n.Packet == t || n.Packet == nil {
			return n
		}
	}
	if len(a.counts) == maxCountedTypes-1 {
		t = nil // the last one is for all others
	}
	a.counts = append(a.counts, PacketCount{Packet: t})
	return &a.counts[len(a.counts)-1]
}

// appendCounts appends what was counted of each type.
func (a *attachments) appendCounts(list []PacketCount) []PacketCount {
	if a.firstCount.Packet == nil {
		return list
	}
	return append(append(list, a.firstCount), a.counts...)
}

// countFailed counts a packet that came and could not be handled.
func (c *Conn) countFailed(t *registry.Type) {
	c.counts().typeCount(t).Failed++
	c.typeCount(t).Failed++
}

// countPanic counts the packet that was being handled on the conn when something panicked, if
// it was a packet.
func (c *Conn) countPanic() {
	if l := c.counts(); l.in.c == c {
		c.countFailed(l.in.t)
	}
}

// settleCounts ends the runs of the conn, so that nothing of it is kept here.
func (c *Conn) settleCounts() {
	l := c.counts()
	if l.in.c == c {
		l.settleIn()
	}
	if l.out.c == c {
		l.settleOut()
	}
}

// Count implements engine.Counter.
func (s *engineHandler) Count(b []byte, back bool) {
	c := s.conn()
	l, table := c.counts(), c.table()
	var t *registry.Type // of the packets in n, which are of one id
	var n Traffic
	for last := -1; len(b) >= codec.HeaderSize; {
		size := s.Message(b)
		f := codec.Frame(b[codec.LengthSize:])
		if id := int(f.ID()); id != last {
			l.countManyOut(c, t, n, back)
			t, n, last = table.Type(uint16(id)), Traffic{}, id
			if t == nil && c.peer.inside.Load() != 0 {
				last = -1 // the next packet with the id may be one of another type inside
				if rest := s.countInside(table, b, back); len(rest) < len(b) {
					b = rest
					continue
				}
			}
		}
		n.Packets++
		n.Bytes += uint64(size)
		b = b[min(max(size, codec.HeaderSize), len(b)):]
	}
	l.countManyOut(c, t, n, back)
}

// countInside counts the packets at the front of b that SendInside has put into those of one
// feature and that are of one type, each as long as it is counted at the other side. It returns
// what is left of b.
func (s *engineHandler) countInside(table *registry.Table, b []byte, back bool) []byte {
	c := s.conn()
	t := c.typeInside(table, codec.Frame(b[codec.LengthSize:]))
	if t == nil {
		return b
	}
	var n Traffic
	for ids := binary.BigEndian.Uint32(b[codec.LengthSize:]); len(b) >= insideHeader; {
		size := s.Message(b)
		if size < insideHeader || binary.BigEndian.Uint32(b[codec.LengthSize:]) != ids {
			break
		}
		n.Packets++
		n.Bytes += uint64(size - codec.IDSize)
		b = b[min(size, len(b)):]
	}
	c.counts().countManyOut(c, t, n, back)
	return b
}

// typeInside is the type of the packet that SendInside has put into the packet f of a feature,
// or nil if f is another one. f may be the head of a frame, or lie before others.
func (c *Conn) typeInside(table *registry.Table, f codec.Frame) *registry.Type {
	x, ok := featureOf(f.ID())
	if !ok || !features(c.peer.inside.Load()).has(x) || len(f.Payload()) < codec.IDSize {
		return nil
	}
	if id := codec.Frame(f.Payload()).ID(); id >= registry.MinID {
		return table.Type(id)
	}
	return nil
}

// AppendCounts appends to list how many packets of each type have come and left on the conn,
// by the program's types; packets of this library's own are not counted. They stay after the
// conn's end. On the conn's loop only.
func (c *Conn) AppendCounts(list []PacketCount) []PacketCount {
	if c.check() != nil {
		return list
	}
	c.mustBeOnLoop("Conn.AppendCounts")
	c.settleCounts()
	if a := c.extra.Load(); a != nil {
		list = a.appendCounts(list)
	}
	return list
}

// Traffic returns how many packets have come and left on the conn: the sums of AppendCounts.
// On the conn's loop only.
func (c *Conn) Traffic() (in, out Traffic) {
	if c.check() != nil {
		return in, out
	}
	c.mustBeOnLoop("Conn.Traffic")
	c.settleCounts()
	if a := c.extra.Load(); a != nil {
		in, out = a.firstCount.In, a.firstCount.Out
		for i := range a.counts {
			in.add(a.counts[i].In)
			out.add(a.counts[i].Out)
		}
	}
	return in, out
}

// appendCounts appends the counts of one loop. On that loop only.
func (p *Peer) appendCounts(l *loopCounts, list []PacketCount) []PacketCount {
	l.settle()
	removed := l.removed
	for i := range l.types {
		n := &l.types[i]
		switch {
		case n.Packet == nil:
		case p.isRegistered(n.Packet):
			list = append(list, *n)
		default:
			removed.add(n)
		}
	}
	if removed != (PacketCount{}) {
		list = append(list, removed)
	}
	return list
}

func (p *Peer) isRegistered(t *registry.Type) bool {
	registered, err := p.reg.Lookup(t)
	return err == nil && registered == t
}

// Counts returns how many packets of each type have come and left on all conns since the peer
// was made, in the order of the registry. It asks each loop in turn, so what it returns is not
// of one moment. ctx bounds how long it waits. Any goroutine may call it but those of the
// reactor's loops, where it is ErrOnLoop.
func (p *Peer) Counts(ctx context.Context) ([]PacketCount, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	var sum []PacketCount
	for _, loop := range p.reactor.Loops() {
		var list []PacketCount
		err := loop.Call(ctx, func() { list = p.appendCounts(&p.counts[loop.Index()], nil) })
		if err != nil {
			return nil, err
		}
		for i := range list {
			sum = addCount(sum, &list[i])
		}
	}
	place := func(n PacketCount) int {
		if n.Packet == nil {
			return math.MaxInt
		}
		return n.Packet.Index()
	}
	slices.SortFunc(sum, func(a, b PacketCount) int { return place(a) - place(b) })
	return sum, nil
}

// addCount adds n to the count of its type in sum.
func addCount(sum []PacketCount, n *PacketCount) []PacketCount {
	for i := range sum {
		if sum[i].Packet == n.Packet {
			sum[i].add(n)
			return sum
		}
	}
	return append(sum, *n)
}

// LastPacket returns the type of the packet that came last on a loop, nil before the first, and
// how many have come there: to tell what a callback that took
// long was about. On the loop only.
func (p *Peer) LastPacket(loop *engine.Loop) (t *registry.Type, packets uint64) {
	if p.check() != nil || loop == nil || loop.Reactor() != p.reactor {
		return nil, 0
	}
	l := &p.counts[loop.Index()]
	return l.in.t, l.settled + l.in.n.Packets
}
