package registry

// Type: one packet of one registry.

import "reflect"

// Type describes one registered packet. It never changes.
type Type struct {
	name    string
	id      uint16
	index   int
	object  any
	hooks   *Hooks
	options Options
	goType  reflect.Type
	pointer reflect.Type // *T; nil if there is no T, or if all values are of it
	fresh   func() any   // nil: decode into any
	shape   uint32       // see Shape
	def     *definition  // nil for a packet of AddObject
}

// Name is the packet's name, "application:packet".
func (t *Type) Name() string { return t.name }

// ID is the id the packet was registered under. On the wire it may have
// another one: see Table.WireID.
func (t *Type) ID() uint16 { return t.id }

// Object is the packet's object, or nil.
func (t *Type) Object() any { return t.object }

// Internal tells whether the packet is the engine's own rather than the
// application's. Internal packets are handled before a conn is active.
func (t *Type) Internal() bool { return t.id < MinID }

// Index numbers the packets of one registry from 0, so that whatever belongs to
// a packet can be kept in a slice of at most MaxNames. The next packet that is
// added may get the index of one that was removed: keep the *Type beside what
// is kept, and compare it.
func (t *Type) Index() int { return t.index }

// New makes what a packet is decoded into: a *T for a packet of Define[T], else
// what its object's NewValue returns. Nil means to decode into a plain value.
func (t *Type) New() any {
	if t.fresh == nil {
		return nil
	}
	return t.fresh()
}

// Holds reports whether v is a value of the packet's: a T or a *T for one of
// Define[T], and anything for any other.
func (t *Type) Holds(v any) bool {
	if t.pointer == nil {
		return true
	}
	of := reflect.TypeOf(v)
	return of == t.pointer || of == t.goType
}

// GoType is the T of a packet of Define[T], else nil.
func (t *Type) GoType() reflect.Type { return t.goType }

// Shape is a hash of the form in which the packet's values travel, as codec.Shape describes
// it, so that two sides can find out that they decode the same packet differently. It is 0
// for a packet without a Go type.
func (t *Type) Shape() uint32 { return t.shape }

// Hooks are those of the packet's object, nil when it has none. Shared, read
// only.
func (t *Type) Hooks() *Hooks { return t.hooks }

// Options are the packet's settings, never nil. Shared, read only.
func (t *Type) Options() *Options { return &t.options }

func (t *Type) entry() Entry { return Entry{Name: t.name, ID: t.id} }

// kind is whose packet a type is of, which decides what names and ids it may
// have.
type kind struct {
	own             bool // the engine's, or a program's beside them
	lowest, highest int
}

var (
	ofApplication = kind{false, MinID, MaxID}
	internal      = kind{true, minExtra, maxExtra}
)

// complete gives a type under construction its id and its object, and checks
// them and its name.
func (t *Type) complete(id int, k kind, obj any) error {
	if err := checkName(t.name); err != nil {
		return err
	}
	switch {
	case k.own && !isInternal(t.name):
		return &NameError{Name: t.name, Reason: "the application of an internal packet must be " + application}
	case !k.own && isInternal(t.name):
		return &NameError{Name: t.name, Reason: "the application " + application + " is for internal packets"}
	case id < k.lowest || id > k.highest:
		return &IDError{Name: t.name, ID: id, Min: k.lowest, Max: k.highest}
	}
	t.id = uint16(id)
	return t.setObject(obj)
}

// setObject gives a type under construction its object.
func (t *Type) setObject(obj any) error {
	if obj == nil {
		return nil
	}
	v := reflect.ValueOf(obj)
	if !hashable(v) {
		return &ObjectError{Name: t.name, Type: v.Type(), Reason: "cannot be compared; register a pointer to it"}
	}
	if isKey(obj, v) {
		return &ObjectError{Name: t.name, Type: v.Type(), Reason: "as a key it would be taken for a name, an id or a handle"}
	}
	if reason := wrongHookMethod(obj); reason != "" {
		return &ObjectError{Name: t.name, Type: v.Type(), Reason: reason}
	}
	t.object = obj
	t.hooks = hooksOf(t)
	if t.fresh == nil {
		t.fresh = valuerOf(t)
	}
	return nil
}
