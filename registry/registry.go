package registry

import (
	"sync"
	"sync/atomic"
)

// Registry maps packet names, ids and objects to each other, for all peers of
// one side of a program. Make one with New. Any goroutine may call its
// methods; those that only read take no lock.
type Registry struct {
	adapt bool
	mu    sync.Mutex // held to replace the table
	table atomic.Pointer[Table]
}

// New makes a registry of the four internal packets.
//
// Adapt says whether this side takes over the other side's ids when it
// connects, as clients usually do, or insists on its own, as servers usually
// do. Two sides of a connection must differ in it.
func New(adapt bool) *Registry {
	r := &Registry{adapt: adapt}
	t := &Table{roster: &roster{}}
	for id, name := range [...]string{NameInit, NameSoftquit, NamePubIDs, NameFinish} {
		t = t.with(&Type{name: name, id: uint16(id), index: id})
	}
	r.table.Store(t)
	return r
}

// Adapts tells whether this side takes over the other side's ids.
func (r *Registry) Adapts() bool { return r.adapt }

// Table is the current table, never nil. It is replaced with every change of
// the registry, so two equal pointers mean that nothing has changed.
func (r *Registry) Table() *Table { return r.table.Load() }

// Add registers a packet under a name "application:packet" and an id between
// MinID and MaxID. The application must not be "packetmq".
//
// The object provides the packet's hooks and serves as a key for it; nil is a
// packet without. It must be comparable, and neither a string nor an integer
// nor a handle, which are keys of another kind. One object may serve several
// packets. It may only serve as a key while it serves one; note that pointers
// to different variables without size may be equal.
//
// Errors are a *NameError, *IDError, *ObjectError, *OptionError,
// *ConflictError or ErrFull; they leave the registry as it was.
func (r *Registry) Add(name string, id int, obj any, opts ...Option) (*Type, error) {
	t := &Type{name: name, options: collect(opts)}
	if err := t.options.check(name, false); err != nil {
		return nil, err
	}
	return r.addApplication(t, id, obj)
}

// AddInternal registers one more internal packet, which is handled before a
// conn is active. Its application is "packetmq", its id between 4 and 13.
// All else is as for Add.
func (r *Registry) AddInternal(name string, id int, obj any) (*Type, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if !isInternal(name) {
		return nil, &NameError{Name: name, Reason: "the application of an internal packet must be " + application}
	}
	return r.add(&Type{name: name}, id, minExtra, maxExtra, obj)
}

func (r *Registry) addApplication(t *Type, id int, obj any) (*Type, error) {
	if err := checkName(t.name); err != nil {
		return nil, err
	}
	if isInternal(t.name) {
		return nil, &NameError{Name: t.name, Reason: "the application " + application + " is for internal packets"}
	}
	return r.add(t, id, MinID, MaxID, obj)
}

// add completes a type, and swaps in a table that has it.
func (r *Registry) add(t *Type, id, lowest, highest int, obj any) (*Type, error) {
	if id < lowest || id > highest {
		return nil, &IDError{Name: t.name, ID: id, Min: lowest, Max: highest}
	}
	t.id = uint16(id)
	if err := t.setObject(obj); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.Table()
	if err := old.conflict(t); err != nil {
		return nil, err
	}
	if old.Len() == MaxNames {
		return nil, ErrFull
	}
	t.index = len(old.wire) // which grows with every type and never shrinks
	r.table.Store(old.with(t))
	return t, nil
}

// conflict reports a type of the same name or id.
func (t *Table) conflict(ty *Type) error {
	other := t.roster.find(ty.name)
	if other == nil {
		other = t.Type(ty.id)
	}
	if other == nil {
		return nil
	}
	return &ConflictError{New: ty.entry(), Old: other.entry()}
}

// Remove removes a packet, by any key that Lookup takes. The four internal
// packets of every registry stay: ErrPermanent. Other errors are those of
// Lookup.
//
// Conns that have the packet's *Type from an earlier table may use it until
// they take up the new one.
func (r *Registry) Remove(key any) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.Table()
	t, err := old.lookup(key)
	if err != nil {
		return err
	}
	if t.id <= IDFinish {
		return ErrPermanent
	}
	r.table.Store(old.without(t))
	return nil
}

// Lookup finds a packet by a key, which is one of
//
//   - a string: the packet's name;
//   - an integer of any type: its id in this registry;
//   - a *Type or a Packet[T]: the packet itself, if it is registered;
//   - anything else: the packet's object.
//
// What is not registered, nil included, is an *UnknownError; an object that
// serves several packets is ErrAmbiguous.
func (r *Registry) Lookup(key any) (*Type, error) { return r.Table().lookup(key) }

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
