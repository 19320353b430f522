package registry

// The Registry: what packets a side of a program has. It hands out tables, which
// do not change, to those who read it.

import (
	"sync"
	"sync/atomic"
)

// Registry maps packet names, ids and objects to each other, for all peers of
// one side of a program. Make one with New or NewAdapting; the zero Registry is
// that of New. Any goroutine may call its methods; those that only read take no
// lock, but for the first ones after a change.
type Registry struct {
	adapt bool
	table atomic.Pointer[Table] // of the packets; nil from a change until a reader asks

	attached sync.Map // what other packages keep here, by their keys

	mu      sync.Mutex
	packets packetSet
	conns   int // that were told their packets: Join without Leave
	lookups int // of keys, since the packets changed

	watchers []*watcher
}

// New makes a registry whose side insists on its own ids, as servers usually
// do. It has the four internal packets.
//
// Of the two sides of a connection one insists and the other adapts, unless
// they share the registry and are connected in memory.
func New() *Registry { return &Registry{} }

// NewAdapting makes a registry whose side takes over the other side's ids when
// it connects, as clients usually do. All else is as for New.
func NewAdapting() *Registry { return &Registry{adapt: true} }

// lock takes the lock, and sees that the packets which every registry has are there.
func (r *Registry) lock() {
	r.mu.Lock()
	if r.packets.names == nil {
		r.packets = newPacketSet()
		for id, name := range [...]string{NameInit, NameSoftquit, NamePubIDs, NameFinish} {
			r.packets.add(&Type{name: name, id: uint16(id)})
		}
	}
}

// Adapts tells whether this side takes over the other side's ids.
func (r *Registry) Adapts() bool { return r.adapt }

// Table is the current table, never nil. After a change of the registry it is
// another one, so two equal pointers mean that nothing has changed. It is made
// when it is first asked for: many changes in a row cost one table.
func (r *Registry) Table() *Table {
	if t := r.table.Load(); t != nil {
		return t
	}
	return r.freeze()
}

func (r *Registry) freeze() *Table {
	r.lock()
	defer r.mu.Unlock()
	return r.frozen()
}

// frozen is Table with the lock held.
func (r *Registry) frozen() *Table {
	t := r.table.Load()
	if t == nil {
		t = r.packets.freeze()
		r.table.Store(t)
	}
	return t
}

// Add adds packets that were defined with Define: all of them, or none if there
// is an error.
//
// While conns are open whose other sides were told the packets, a further one
// is refused unless it was defined with Late or Optional: not all of those sides
// would learn of it.
//
// Errors are a *NameError, *IDError, *TypeError, *ObjectError, *OptionError,
// *ConflictError, *InUseError, ErrUndefined or ErrFull.
func (r *Registry) Add(packets ...Definition) error {
	types := make([]*Type, len(packets))
	for i, p := range packets {
		var err error
		if types[i], err = definitionOf(p).newType(); err != nil {
			return err
		}
	}
	return r.add(types...)
}

// MustAdd is like Add but panics on an error. It is for packets that a
// program sets up from constants, where an error is a bug. The function
// MustAdd also defines the packet.
func (r *Registry) MustAdd(packets ...Definition) {
	if err := r.Add(packets...); err != nil {
		panic(err)
	}
}

// AddObject adds a packet without a Go type of its own, under a name
// "application:packet" and an id between MinID and MaxID. The application must
// not be "packetmq". It is for ports of Python programs, whose packets are
// objects with hooks; WithObject gives an object to a packet of Define.
//
// The object provides the packet's hooks and serves as a key for it; nil is a
// packet without. It must be comparable, and neither a string nor an integer
// nor a handle, which are keys of another kind. One object may serve several
// packets. It may only serve as a key while it serves one; note that pointers
// to different variables without size may be equal.
//
// All else is as for Add.
func (r *Registry) AddObject(name string, id int, obj any, opts ...Option) (*Type, error) {
	return r.addObject(name, id, ofApplication, obj, opts)
}

// AddInternal adds one more internal packet, which is handled before a conn is
// active. Its application is "packetmq", its id between 4 and 13. All else is
// as for AddObject.
func (r *Registry) AddInternal(name string, id int, obj any, opts ...Option) (*Type, error) {
	return r.addObject(name, id, internal, obj, opts)
}

func (r *Registry) addObject(name string, id int, k kind, obj any, opts []Option) (*Type, error) {
	t := &Type{name: name, options: collect(opts)}
	if err := t.options.check(name, false); err != nil {
		return nil, err
	}
	if err := t.complete(id, k, obj); err != nil {
		return nil, err
	}
	if err := r.add(t); err != nil {
		return nil, err
	}
	return t, nil
}

// add takes types in: all of them, or none.
func (r *Registry) add(types ...*Type) error {
	if r == nil {
		return ErrNoRegistry
	}
	r.lock()
	if err := r.admitAll(types); err != nil {
		r.mu.Unlock()
		return err
	}
	r.changed()
	r.unlockAndTell()
	return nil
}

// admitAll takes all types in, or none, with the lock held.
func (r *Registry) admitAll(types []*Type) error {
	for i, t := range types {
		if err := r.admit(t); err != nil {
			for _, added := range types[:i] {
				r.packets.remove(added)
			}
			return err
		}
	}
	return nil
}

// admit takes a type in, with the lock held.
func (r *Registry) admit(t *Type) error {
	if err := r.conflict(t); err != nil {
		return err
	}
	if r.packets.len() == MaxNames {
		return ErrFull
	}
	late := t.options.late
	if t.options.late = false; r.conns > 0 && !late {
		return &InUseError{Name: t.name, Conns: r.conns}
	}
	r.packets.add(t)
	return nil
}

// changed has the next reader make a table.
func (r *Registry) changed() {
	r.table.Store(nil)
	r.lookups = 0
}

// conflict reports a type of the same name or id.
func (r *Registry) conflict(t *Type) error {
	other := r.packets.named(t.name)
	if other == nil {
		other = r.packets.numbered(t.id)
	}
	if other == nil {
		return nil
	}
	return &ConflictError{New: t.entry(), Old: other.entry()}
}

// Remove removes a packet, by any key that Lookup takes. The four internal
// packets of every registry stay: ErrPermanent. Other errors are those of
// Lookup.
//
// Conns that have the packet's *Type from an earlier table may use it until
// they take up the new one.
//
// The handlers that peers have for the packet go with it. If its definition is added again,
// it is a new packet: call peer.Handle again, or it is counted as one that nobody handles.
func (r *Registry) Remove(key any) error {
	if r == nil {
		return ErrNoRegistry
	}
	r.lock()
	if err := r.remove(key); err != nil {
		r.mu.Unlock()
		return err
	}
	r.changed()
	r.unlockAndTell()
	return nil
}

// remove is Remove with the lock held.
func (r *Registry) remove(key any) error {
	t, err := lookup(&r.packets, key)
	if err != nil {
		return err
	}
	if t.id <= IDFinish {
		return ErrPermanent
	}
	r.packets.remove(t)
	return nil
}

// Join counts a conn whose other side is about to be told the packets of the
// table that it returns: a peer calls it for each of its conns, and Leave at
// their end. Until then Add takes late packets only.
func (r *Registry) Join() *Table {
	r.lock()
	defer r.mu.Unlock()
	r.conns++
	return r.frozen()
}

// Leave counts out a conn of Join.
func (r *Registry) Leave() {
	r.lock()
	defer r.mu.Unlock()
	r.conns--
}

// Lookup finds a packet by a key, which is one of
//
//   - a string: the packet's name;
//   - an integer of any type: its id in this registry;
//   - a Packet[T] or a *Type: the packet itself, if this registry has it;
//   - anything else: the packet's object.
//
// What is not registered, nil included, is an *UnknownError; an object that
// serves several packets is ErrAmbiguous.
func (r *Registry) Lookup(key any) (*Type, error) {
	if r == nil {
		return nil, ErrNoRegistry
	}
	if t := r.table.Load(); t != nil {
		return lookup(t, key)
	}
	r.lock()
	defer r.mu.Unlock()
	// As many lookups as there are packets pay for a table, and the next ones
	// then take no lock. Fewer, as between the changes of a program that sets
	// itself up, are not worth one.
	if r.lookups++; r.lookups > r.packets.len() {
		return lookup(r.frozen(), key)
	}
	return lookup(&r.packets, key)
}

// typeOf is the type that the registry has of a definition, nil if none. It is
// called for each packet sent, so it looks at the definition's id only.
func (r *Registry) typeOf(d *definition) *Type {
	if d == nil || r == nil {
		return nil
	}
	if t := r.table.Load(); t != nil {
		return d.of(t.Type(uint16(d.id)))
	}
	t, _ := r.Lookup(d) // the registry has changed
	return t
}

// Name is the name of the packet with a key; see Lookup.
func (r *Registry) Name(key any) (string, error) {
	t, err := r.Lookup(key)
	if err != nil {
		return "", err
	}
	return t.name, nil
}

// ID is the id in this registry of the packet with a key; see Lookup.
func (r *Registry) ID(key any) (int, error) {
	t, err := r.Lookup(key)
	if err != nil {
		return 0, err
	}
	return int(t.id), nil
}

// Object is the object of the packet with a key, nil when it has none; see
// Lookup.
func (r *Registry) Object(key any) (any, error) {
	t, err := r.Lookup(key)
	if err != nil {
		return nil, err
	}
	return t.object, nil
}
