package sim

import (
	"fmt"
	"slices"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// parcel is what is sent: it says where it comes from and what it is.
type parcel struct {
	Tag  uint64 `msgpack:"tag"`  // unique in the world, but for a broadcast's
	Name string `msgpack:"name"` // of the packet that it was sent as
	Pad  []byte `msgpack:"pad"`
}

var msgpack = new(codec.Msgpack)

func (p *parcel) encode() []byte {
	b, err := msgpack.Append(nil, p)
	if err != nil {
		panic(err)
	}
	return b
}

// parcelOf reads a parcel however it was decoded.
func parcelOf(v any) (p parcel, err error) {
	switch v := v.(type) {
	case *parcel:
		return *v, nil
	case []byte:
		err = msgpack.Decode(v, &p)
		return p, err
	case map[string]any:
		switch n := v["tag"].(type) {
		case int64:
			p.Tag = uint64(n)
		case uint64:
			p.Tag = n
		}
		p.Name, _ = v["name"].(string)
		p.Pad, _ = v["pad"].([]byte)
		return p, nil
	}
	return p, fmt.Errorf("a %T", v)
}

// form is how a packet is registered and handled.
type form int

const (
	typed  form = iota
	reused      // registry.Reuse
	hooked      // with an object that has every hook
	plain       // Untyped().Handle
	raw         // HandleRaw
	left        // to OnPacket
	forms
)

// book is a registry, and what should be in it.
type book struct {
	w       *world
	no      int
	reg     *registry.Registry
	adapt   bool
	table   *registry.Table
	names   []string
	gone    []string // were removed
	forms   map[string]form
	packets map[string]registry.Packet[parcel]
	used    map[int]bool // ids, which are not given again
	narrow  bool         // ids are close together, so that those of two books overlap
}

// newRegistry makes a registry of a side that adapts, or of one that insists.
func newRegistry(adapt bool) *registry.Registry {
	if adapt {
		return registry.NewAdapting()
	}
	return registry.New()
}

func (w *world) newBook(adapt bool, names []string) *book {
	b := &book{
		w: w, no: len(w.books), reg: newRegistry(adapt), adapt: adapt,
		forms: make(map[string]form), packets: make(map[string]registry.Packet[parcel]),
		used: make(map[int]bool), narrow: w.chance(50),
	}
	names = slices.Clone(names)
	w.rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for _, name := range names {
		b.add(name)
	}
	w.books = append(w.books, b)
	return b
}

// add registers a packet under an id that was never used in this book.
func (b *book) add(name string) {
	id := 0
	for id == 0 || b.used[id] {
		id = registry.MinID + b.w.rng.IntN(registry.MaxID-registry.MinID+1)
		if b.narrow && len(b.used) < 30 {
			id = registry.MinID + b.w.rng.IntN(40)
		}
	}
	b.addAs(name, id)
}

func (b *book) addAs(name string, id int) {
	f := form(b.w.rng.IntN(int(forms)))
	opts := []registry.Option{registry.Late()} // for conns may be open
	if b.w.chance(15) {
		opts = append(opts, registry.OnOverflow(registry.Overflow(1+b.w.rng.IntN(4))))
	}
	var err error
	switch f {
	case plain:
		_, err = b.reg.AddObject(name, id, nil, opts...)
	case reused:
		opts = append(opts, registry.Reuse())
	case hooked:
		opts = append(opts, registry.WithObject(&nosy{name}))
	}
	if f != plain {
		b.packets[name], err = registry.Add[parcel](b.reg, name, id, opts...)
	}
	if err != nil {
		b.w.fail("book %d does not take %s: %v", b.no, name, err)
		return
	}
	b.used[id] = true
	b.forms[name] = f
	b.names = append(b.names, name)
	b.table = b.reg.Table()
	b.w.trace.add("  book %d: %s is %d, form %d", b.no, name, id, f)
}

func (b *book) remove(i int) {
	name := b.names[i]
	if err := b.reg.Remove(name); err != nil {
		b.w.fail("book %d does not remove %s: %v", b.no, name, err)
	}
	b.names = slices.Delete(b.names, i, i+1)
	b.gone = append(b.gone, name)
	delete(b.packets, name)
	b.table = b.reg.Table()
	b.w.trace.add("  book %d: %s is removed", b.no, name)
}

// change adds or removes packets of this book, and perhaps of all others; what
// is connected, or about to be, is in doubt about them from now on.
func (b *book) change() {
	w := b.w
	books := []*book{b}
	if w.chance(50) {
		books = w.books
	}
	name := fmt.Sprintf("late:n%d", w.step)
	remove := w.chance(50)
	for _, b := range books {
		switch {
		case remove && len(b.names) > 1:
			b.remove(w.rng.IntN(len(b.names)))
		case remove:
		case len(b.gone) > 0 && w.chance(50):
			b.add(b.back())
		default:
			b.add(name)
		}
		for _, p := range w.parties {
			if p.book == b && w.chance(80) { // else OnPacket gets what is new
				p.handle()
			}
		}
		for _, l := range w.live {
			if l.ends[0].party.book == b || l.ends[1].party.book == b {
				l.shaky = true
			}
		}
	}
}

// back takes a name from those that were removed.
func (b *book) back() string {
	name := b.gone[len(b.gone)-1]
	b.gone = b.gone[:len(b.gone)-1]
	return name
}

// ids is what the packets are called on the wire of a conn whose insisting side
// has this book.
func (b *book) ids() map[string]uint16 {
	ids := make(map[string]uint16, len(b.names))
	for _, e := range b.table.IDs() {
		ids[e.Name] = e.ID
	}
	return ids
}

// equal tells whether two books have the same names.
func (b *book) equal(o *book) bool {
	if len(b.names) != len(o.names) {
		return false
	}
	for _, n := range b.names {
		if !slices.Contains(o.names, n) {
			return false
		}
	}
	return true
}

func (b *book) check() {
	if b.reg.Table() != b.table {
		b.w.fail("book %d was changed by nobody of the program", b.no)
	}
}

// nosy is a packet object with every hook, none of which does anything.
type nosy struct{ name string }

func (*nosy) OnSend(to registry.Conn, v any) (registry.Conn, any, error) { return to, v, nil }
func (*nosy) OnEncode(_ registry.Conn, v any) (any, error)               { return v, nil }
func (*nosy) OnDecode(_ registry.Conn, v any) (any, error)               { return v, nil }
func (*nosy) OnReceive(registry.Conn, any) error                         { return nil }
