package sim

import (
	"errors"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// pad is some bytes: few, most of the time.
func (w *world) pad() []byte {
	n := w.rng.IntN(30)
	switch k := w.rng.IntN(1000); {
	case k < w.heavy/10:
		n = w.rng.IntN(len(w.noise) / 2)
	case k < w.heavy:
		n = w.rng.IntN(5000)
	case k < 200:
		n = w.rng.IntN(600)
	}
	at := w.rng.IntN(len(w.noise) - n)
	return w.noise[at : at+n]
}

// parcel is one that was not sent before; not ok when enough was sent.
func (w *world) parcel(b *book) (p parcel, ok bool) {
	if w.budget--; w.budget < 0 || len(b.names) == 0 {
		return p, false
	}
	w.tag++
	return parcel{Tag: w.tag, Name: pick(w, b.names), Pad: w.pad()}, true
}

// send sends a packet in a way that works anywhere.
func (w *world) send(e *end) {
	p, ok := w.parcel(e.party.book)
	if !ok || !e.opened() || e.party.foe {
		return
	}
	b, c := e.party.book, e.conn
	t, err := b.reg.Lookup(p.Name)
	if err != nil {
		w.fail("book %d lost %s: %v", b.no, p.Name, err)
		return
	}
	pkt, typed := b.packets[p.Name]
	i := e.post(p)
	way := w.rng.IntN(11)
	switch {
	case way == 0:
		err = c.Untyped().Send(p.Name, &p)
	case way == 1:
		err = c.Untyped().Send(int(t.ID()), p)
	case way == 2:
		err = c.Untyped().Send(t, &p)
	case way == 3 && typed:
		err = c.Untyped().Send(pkt, &p)
	case way < 6 && typed:
		err = peer.Send(c, pkt, &p)
	case way == 6:
		err = c.SendRaw(t, p.encode())
	case way == 7 && !e.link.doubtful():
		err = c.Untyped().SendEncoded(e.encoded(p))
	case way == 8 && !e.link.doubtful():
		err = e.party.base.Untyped().SendEncoded(c, e.encoded(p))
	case way == 9 && e.party.client != nil && e.party.client.Default() == c:
		err = e.party.base.Untyped().Send(nil, p.Name, &p)
	case way == 10:
		err = e.party.base.Untyped().Send(e.id, p.Name, &p)
	default:
		err = e.party.base.Untyped().Send(c, p.Name, &p)
	}
	e.settle(i, way, err)
}

// encoded is a parcel as it is on the wire.
func (e *end) encoded(p parcel) []byte {
	id := e.link.ids[p.Name]
	return append([]byte{byte(id >> 8), byte(id)}, p.encode()...)
}

// reply sends some packets in a way that is for a conn's own callbacks, or for
// anywhere.
func (w *world) reply(e *end) {
	for range 1 + w.rng.IntN(3) {
		if w.chance(30) {
			w.send(e)
			continue
		}
		p, ok := w.parcel(e.party.book)
		if !ok {
			return
		}
		b, c := e.party.book, e.conn
		t, err := b.reg.Lookup(p.Name)
		if err != nil {
			w.fail("book %d lost %s: %v", b.no, p.Name, err)
			return
		}
		pkt, typed := b.packets[p.Name]
		i := e.post(p)
		way := 20 + w.rng.IntN(3)
		switch {
		case way == 20 && typed:
			err = peer.Reply(c, pkt, &p)
		case way == 21:
			err = c.ReplyRaw(t, p.encode())
		default:
			err = c.Untyped().Reply(p.Name, &p)
		}
		e.settle(i, way, err)
	}
}

// settle notes what came of a send.
func (e *end) settle(i, way int, err error) {
	w := e.link.w
	it := &e.sent[i]
	w.trace.add("  %v sends %d, %s, %d bytes, way %d: %v", e, it.Tag, it.Name, len(it.Pad), way, err)
	if err == nil {
		e.stays += len(it.Pad)
		e.largest = max(e.largest, len(it.Pad)+1000)
		return
	}
	it.fate = refused
	e.excuse(err)
}

// excuse judges the error of a send.
func (e *end) excuse(err error) {
	l, s := e.link, e.conn.State()
	var size *peer.SizeError
	ok := false
	switch {
	case errors.Is(err, peer.ErrNotActive):
		ok = s != peer.Active
	case errors.Is(err, peer.ErrClosed):
		e.ending, ok = e.party.host.tells(e.conn), true // OnLost comes before the turn is over
	case errors.Is(err, peer.ErrNoConn): // named by its id, and not in the peer yet or any more
		ok = e.party.base.Conn(e.id) == nil
	case errors.Is(err, engine.ErrBackpressure), errors.Is(err, engine.ErrSlowConsumer):
		e.acted = e.acted || errors.Is(err, engine.ErrSlowConsumer)
		ok = true
	case errors.As(err, &size):
		ok = size.Length > size.Max && size.Max >= 2000
	case errors.Is(err, peer.ErrNotOnWire):
		ok = l.doubtful()
	}
	if !ok {
		l.w.fail("%v: a send in state %v failed: %v", e, s, err)
	}
}

// broadcast sends to all that are connected.
func (w *world) broadcast(p *party) {
	if p.foe {
		return
	}
	pc, ok := w.parcel(p.book)
	if !ok {
		return
	}
	var but *peer.Conn
	if e := p.some(); e != nil && w.chance(30) {
		but = e.conn
	}
	type place struct {
		e *end
		i int
	}
	var places []place
	for c := range p.base.Conns() {
		if c.State() == peer.Active && c != but {
			e := p.ends[c.ID()]
			places = append(places, place{e, e.post(pc)})
		}
	}
	err := p.base.Untyped().Broadcast(pc.Name, &pc, but)
	w.trace.add("  %v broadcasts %d, %s, to %d: %v", p, pc.Tag, pc.Name, len(places), err)
	for _, at := range places {
		if err == nil {
			at.e.stays += len(pc.Pad)
			at.e.largest = max(at.e.largest, len(pc.Pad)+1000)
		}
	}
	if err == nil {
		return
	}
	for _, at := range places { // some got it, some did not
		at.e.sent[at.i].fate = maybe
		at.e.acted = at.e.acted || errors.Is(err, engine.ErrSlowConsumer)
	}
	if len(places) == 0 {
		w.fail("%v: a broadcast to nobody failed: %v", p, err)
	}
}

// inject hands a packet in as if it had come from the other side.
func (w *world) inject(e *end) {
	if e.party.foe || e.link.doubtful() {
		return
	}
	p, ok := w.parcel(e.party.book)
	if !ok || e.conn.State() != peer.Active {
		return
	}
	e.injected[p.Tag] = false
	var err error
	encoded := e.party.book.forms[p.Name] == raw || w.chance(50)
	if encoded {
		err = e.conn.Untyped().RecvEncoded(e.encoded(p))
	} else {
		err = e.conn.Untyped().RecvPacket(p.Name, e.party.book.decoded(p))
	}
	w.trace.add("  %v: %d, %s, is injected, encoded %v: %v", e, p.Tag, p.Name, encoded, err)
	var size *codec.SizeError
	if errors.As(err, &size) && encoded && size.Length > int64(size.Max) && size.Max == 2000 {
		delete(e.injected, p.Tag)
		return
	}
	if err != nil {
		w.fail("%v: injecting failed: %v", e, err)
	}
}

// decoded is a parcel as its handler wants it.
func (b *book) decoded(p parcel) any {
	if b.forms[p.Name] == plain {
		return map[string]any{"tag": int64(p.Tag), "name": p.Name, "pad": p.Pad}
	}
	return &p
}

// overflow changes what happens to packets for which there is no room.
func (w *world) overflow(e *end) {
	p := registry.Overflow(1 + w.rng.IntN(4))
	w.trace.add("  %v: overflow %d", e, p)
	e.conn.SetOverflow(p)
}
