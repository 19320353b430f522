package sim

import (
	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// foe is the transport of a peer that is not one: it keeps what its own conn
// says, and says something else in its place.
type foe struct {
	w      *world
	e      *end
	inner  engine.Transport
	sink   engine.Sink
	pool   *engine.Pool
	script []byte
	deaf   bool // reads nothing
	finned bool
	closed bool
}

func (f *foe) Open(s engine.Sink)    { f.sink = s; f.inner.Open(f) }
func (f *foe) Pump() bool            { return !f.deaf && f.inner.Pump() }
func (f *foe) Buffered() int         { return 0 }
func (f *foe) Close()                { f.closed = true; f.inner.Close() }
func (f *foe) Received(b []byte) int { return len(b) }
func (f *foe) Ended(err error)       { f.sink.Ended(err) }
func (f *foe) Wake(on *engine.Loop)  { f.sink.Wake(on) }
func (f *foe) Loop() *engine.Loop    { return f.sink.Loop() }
func (f *foe) CloseWrite() error     { f.fin(); return nil }
func (f *foe) Write(b *engine.Buffer) error {
	f.pool.Put(b)
	return nil
}

func (f *foe) fin() {
	if !f.finned {
		f.finned = true
		f.inner.CloseWrite()
	}
}

// act goes on with the script, on the loop.
func (f *foe) act() {
	if f.sink == nil || f.closed {
		return
	}
	n := len(f.script)
	if n > 1 && f.w.chance(70) {
		n = 1 + f.w.rng.IntN(n)
	}
	k := f.w.rng.IntN(100)
	f.sink.Loop().Post(func() {
		if f.closed {
			return
		}
		n := min(n, len(f.script))
		switch {
		case f.finned, n == 0 && k < 20:
			f.w.trace.add("  foe %v closes", f.e)
			f.e.conn.Abort(errOnPurpose)
		case n == 0 && k < 40:
			f.w.trace.add("  foe %v says that no more comes", f.e)
			f.fin()
		case n == 0:
			f.script = f.w.script(f.e.other().party.book)
		default:
			f.w.trace.add("  foe %v writes %d bytes", f.e, n)
			b := f.pool.Get()
			b.B = append(b.B, f.script[:n]...)
			f.script = f.script[n:]
			f.inner.Write(b)
		}
	})
}

// script is what a foe says to a side with a book.
func (w *world) script(b *book) []byte {
	rng := w.rng
	var frames [][]byte
	say := func(id uint16, payload ...byte) { frames = append(frames, codec.AppendFrame(nil, id, payload)) }
	shake := func(idmap []byte) {
		init := codec.AppendUint(codec.AppendString(codec.AppendMapHeader(nil, 2), "version"), 1)
		say(registry.IDInit, codec.AppendBool(codec.AppendString(init, "heartbeat"), true)...)
		ids := codec.AppendBool(codec.AppendString(codec.AppendMapHeader(nil, 2), "adapt"), !b.adapt)
		say(registry.IDPubIDs, append(codec.AppendString(ids, "idmap"), idmap...)...)
		say(registry.IDFinish, codec.AppendNil(nil)...)
	}
	some := func() {
		for range rng.IntN(8) {
			if len(b.names) == 0 {
				return
			}
			name := pick(w, b.names)
			p := parcel{Tag: rng.Uint64N(200), Name: name, Pad: w.pad()}
			say(b.ids()[name], p.encode()...)
		}
	}
	shuffle := false
	switch rng.IntN(10) {
	case 0: // what it likes
		noise := make([]byte, rng.IntN(300))
		for i := range noise {
			noise[i] = byte(rng.Uint32())
		}
		return noise
	case 1: // another protocol
		return []byte(pick(w, []string{"GET / HTTP/1.1\r\n\r\n", "SSH-2.0-x\r\n", "\x16\x03\x01\x02\x00\x01", "PROXY TCP4 "}))
	case 2: // a hostile id map
		shake(w.idmap(b))
		some()
	case 3: // the right packets in any order
		shake(goodMap(b))
		some()
		shuffle = true
	case 4: // bad payloads
		shake(goodMap(b))
		for range 5 {
			say(uint16(pick(w, []int{0, 1, 2, 3, 5, 14, 15, 16, 17, 40, 65535})), pick(w, nasty)...)
		}
	case 5: // unknown ids, and many heartbeats
		shake(goodMap(b))
		for range 40 {
			say(uint16(pick(w, []int{14, 14, 14, 60000, 15})), 0xcf, 0, 0, 0, 0, 0, 0, 0, byte(rng.Uint32()))
		}
	case 6: // a softquit, and what follows it
		shake(goodMap(b))
		say(registry.IDSoftquit, codec.AppendString(codec.AppendString(codec.AppendMapHeader(nil, 1), "reason"), "reason.foe")...)
		some()
	default: // a good side, more or less
		shake(goodMap(b))
		some()
	}
	if shuffle || w.chance(10) {
		rng.Shuffle(len(frames), func(i, j int) { frames[i], frames[j] = frames[j], frames[i] })
	}
	var script []byte
	for _, f := range frames {
		script = append(script, w.mutate(f)...)
	}
	return script
}

// nasty payloads.
var nasty = [][]byte{
	nil, {0xc1}, {0xc0, 0xc0}, {0xdb, 0xff, 0xff, 0xff, 0xff}, {0xdd, 0xff, 0xff, 0xff, 0xff}, {0xdf, 0x7f, 0xff, 0xff, 0xff},
	{0x91, 0x91, 0x91, 0x91, 0x91, 0x91, 0x91}, {0xa2, 0xff, 0xfe}, {0x81, 0x80, 0xc0}, {0xc7, 0xff, 0x80}, {0x83},
	{0x81, 0xa7, 'v', 'e', 'r', 's', 'i', 'o', 'n', 0x02}, {0x81, 0xa6, 'r', 'e', 'a', 's', 'o', 'n', 0x90}, {0x80}, {0xc0},
}

// mutate damages a frame, in one of three.
func (w *world) mutate(f []byte) []byte {
	if !w.chance(30) {
		return f
	}
	switch w.rng.IntN(6) {
	case 0:
		f[w.rng.IntN(len(f))] ^= 1 << w.rng.IntN(8)
	case 1:
		return f[:w.rng.IntN(len(f))]
	case 2: // a length that cannot be, or is never reached
		copy(f, pick(w, [][]byte{{0xff, 0xff, 0xff, 0xff}, {0, 0, 0, 0}, {0, 0, 0, 1}, {0, 0x0f, 0xff, 0xff}, {0x80, 0, 0, 0}}))
	case 3:
		return append(append([]byte(nil), f...), f...)
	case 4:
		f[len(f)-1] = byte(w.rng.Uint32())
	case 5:
		f[4], f[5] = 0, byte(w.rng.IntN(20))
	}
	return f
}

func appendMap(ids []registry.Entry) []byte {
	b := codec.AppendMapHeader(nil, len(ids))
	for _, e := range ids {
		b = codec.AppendUint(codec.AppendString(b, e.Name), uint64(e.ID))
	}
	return b
}

func goodMap(b *book) []byte { return appendMap(b.table.IDs()) }

// idmap is a map that a book cannot take over, most of the time.
func (w *world) idmap(b *book) []byte {
	ids := append([]registry.Entry(nil), b.table.IDs()...)
	i, j := w.rng.IntN(len(ids)), w.rng.IntN(len(ids))
	switch w.rng.IntN(7) {
	case 0:
		ids[i].ID = ids[j].ID
	case 1:
		ids[i].Name = ids[j].Name
	case 2:
		ids[i].ID = uint16(w.rng.IntN(20))
	case 3:
		ids = append(ids, registry.Entry{Name: "foe:extra", ID: 4000})
	case 4:
		ids = ids[:i]
	case 5:
		for n := range 5000 {
			ids = append(ids, registry.Entry{Name: "f:" + string(rune('a'+n%26)), ID: uint16(n)})
		}
	case 6:
		return append(codec.AppendString(codec.AppendMapHeader(nil, 1), b.names[0]), 0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	}
	return appendMap(ids)
}
