package session

// outbox: a session's packets that the other side has not acknowledged, in their order.

import (
	"github.com/packetmq/packetmq/registry"
)

// outbox keeps packets from when they are sent until they are acknowledged. Packets are
// numbered from 1 in the order in which they were sent; a number is never on the wire, since
// both sides count.
//
// Payloads lie one after the other in one buffer, and so take at most twice their bound.
type outbox struct {
	maxPackets, maxBytes int // set once

	acked uint64 // packets that the other side has
	sent  uint64 // packets that were given to the current conn, or acknowledged
	kept  []kept // the packets after acked; kept[:gone] are not needed any more
	gone  int
	data  []byte // the payloads of kept[gone:] are data[start:]
	start int
}

// kept is a packet that waits to be acknowledged.
type kept struct {
	packet *registry.Type
	size   int
}

// last is the number of the newest packet.
func (o *outbox) last() uint64 { return o.acked + uint64(o.len()) }

// len is how many packets are kept.
func (o *outbox) len() int { return len(o.kept) - o.gone }

// bytes is how much their payloads are.
func (o *outbox) bytes() int { return len(o.data) - o.start }

// hasRoom reports whether one more packet may be kept.
func (o *outbox) hasRoom(size int) bool {
	return o.len() < o.maxPackets && o.bytes()+size <= o.maxBytes
}

// add keeps a packet, whose payload is copied.
func (o *outbox) add(t *registry.Type, payload []byte) {
	if len(o.data)+len(payload) > cap(o.data) {
		o.data, o.start = roomFor(o.data, o.start, len(payload), o.maxBytes), 0
	}
	if len(o.kept) == cap(o.kept) {
		o.kept, o.gone = roomFor(o.kept, o.gone, 1, o.maxPackets), 0
	}
	o.data = append(o.data, payload...)
	o.kept = append(o.kept, kept{t, len(payload)})
}

// roomFor returns list[gone:] with room for n more: in the same memory if half of it is free,
// else in twice as much, but no more than twice most.
func roomFor[T any](list []T, gone, n, most int) []T {
	live := list[gone:]
	if size := len(live) + n; 2*size > cap(list) {
		return append(make([]T, 0, max(min(max(2*size, 64), 2*most), size)), live...)
	}
	moved := append(list[:0], live...)
	clear(list[len(moved):])
	return moved
}

// ack drops the packets up to number n. It reports whether the other side can have these: it
// has not acknowledged more before, and they were given to a conn.
func (o *outbox) ack(n uint64) bool {
	if n < o.acked || n > o.sent {
		return false
	}
	for ; o.acked < n; o.acked++ {
		o.start += o.kept[o.gone].size
		o.kept[o.gone] = kept{}
		o.gone++
	}
	if o.len() == 0 {
		o.kept, o.gone = o.kept[:0], 0
		o.data, o.start = o.data[:0], 0
	}
	return true
}

// skip takes the other side's word that it has more than was given to conns, up to number n: a
// copy does not know of all that was sent. What was given to conns is dropped, what was added
// since stays, and follows after n. It returns by how much the numbers of that have grown.
func (o *outbox) skip(n uint64) (by uint64, ok bool) {
	if n < o.sent {
		return 0, false
	}
	by = n - o.sent
	o.ack(o.sent)
	o.acked, o.sent = n, n
	return by, true
}

// resend has everything that is kept sent again, on another conn.
func (o *outbox) resend() { o.sent = o.acked }

// unsent calls send with each packet that was not given to the conn, until that fails.
func (o *outbox) unsent(send func(t *registry.Type, payload []byte) error) error {
	if o.sent == o.last() {
		return nil
	}
	i, at := o.gone, o.start
	for n := o.acked; n < o.sent; n++ {
		at += o.kept[i].size
		i++
	}
	for ; i < len(o.kept); i++ {
		k := o.kept[i]
		if err := send(k.packet, o.data[at:at+k.size]); err != nil {
			return err
		}
		at += k.size
		o.sent++
	}
	return nil
}

// packets returns copies of what is kept.
func (o *outbox) packets() []Packet {
	if o.len() == 0 {
		return nil
	}
	data := append([]byte(nil), o.data[o.start:]...)
	all := make([]Packet, 0, o.len())
	for _, k := range o.kept[o.gone:] {
		all = append(all, Packet{k.packet, data[:k.size:k.size]})
		data = data[k.size:]
	}
	return all
}

// clear drops everything, with its memory.
func (o *outbox) clear() {
	o.acked, o.sent = o.last(), o.last()
	o.kept, o.gone, o.data, o.start = nil, 0, nil, 0
}
