package registry

// A packet type that is decoded into a Go type: its definition, which belongs
// to no registry, and the handle to it.

import (
	"reflect"

	"github.com/packetmq/packetmq/codec"
)

// Packet is the definition of a packet that is decoded into a T, and the handle
// by which it is sent and handled. It has no state and belongs to no registry:
// both sides of a program, or all nodes of a mesh, add the same one to theirs.
//
// Two Packets are equal if they come from the same call of Define or Add. The
// zero Packet defines nothing: its name is empty, and no registry has it.
type Packet[T any] struct{ def *definition }

// Definition is what Registry.Add takes: a Packet of any T.
type Definition interface {
	definition() *definition
}

// definition is what Define was given. It never changes.
type definition struct {
	name    string
	id      int
	options Options
	goType  reflect.Type
	pointer reflect.Type // *T; nil if T is an interface, of which all values are
	fresh   func() any   // makes a *T
}

// Define defines a packet that is decoded into a T:
//
//	var Ping = registry.Define[PingBody]("app:ping", 17)
//
// Nothing is checked yet. Registry.Add tells what is wrong with the name, the
// id, an option, or a T that no payload can carry.
func Define[T any](name string, id int, opts ...Option) Packet[T] {
	d := &definition{
		name:    name,
		id:      id,
		options: collect(opts),
		goType:  reflect.TypeFor[T](),
		fresh:   func() any { return new(T) },
	}
	if d.goType.Kind() != reflect.Interface {
		d.pointer = reflect.TypeFor[*T]()
	}
	return Packet[T]{d}
}

// Name is the packet's name, "application:packet".
func (p Packet[T]) Name() string {
	if p.def == nil {
		return ""
	}
	return p.def.name
}

// ID is the id that the packet was defined with. On the wire it may have
// another one: see Table.WireID.
func (p Packet[T]) ID() int {
	if p.def == nil {
		return 0
	}
	return p.def.id
}

// In is the packet's type in a registry, or nil if it was not added to that or
// was removed from it. It takes no lock and allocates nothing, except for the
// first calls after a change of the registry.
func (p Packet[T]) In(r *Registry) *Type { return r.typeOf(p.def) }

func (p Packet[T]) definition() *definition { return p.def }

// Add defines a packet and adds it to one registry: it is Define followed by
// Registry.Add.
func Add[T any](r *Registry, name string, id int, opts ...Option) (Packet[T], error) {
	p := Define[T](name, id, opts...)
	if err := r.Add(p); err != nil {
		return Packet[T]{}, err
	}
	return p, nil
}

// MustAdd is like Add but panics on an error. It is for packets that a
// program sets up from constants, where an error is a bug. Registry.MustAdd
// defines nothing: it adds what Define has defined.
func MustAdd[T any](r *Registry, name string, id int, opts ...Option) Packet[T] {
	p, err := Add[T](r, name, id, opts...)
	if err != nil {
		panic(err)
	}
	return p
}

// definitionOf is the definition behind what Add or Lookup was given, nil if
// that is nil, or a handle without one.
func definitionOf(d Definition) *definition {
	// The method of a nil *Packet[T] would panic.
	if v := reflect.ValueOf(d); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil
	}
	return d.definition()
}

// of is the type that was found by the definition's id, nil if it is of another
// packet.
func (d *definition) of(found *Type) *Type {
	if found != nil && found.def == d {
		return found
	}
	return nil
}

// newType makes the type that a registry has of a definition.
func (d *definition) newType() (*Type, error) {
	if d == nil {
		return nil, ErrUndefined
	}
	if err := d.options.check(d.name, true); err != nil {
		return nil, err
	}
	if err := codec.CheckType(d.goType); err != nil {
		return nil, &TypeError{Name: d.name, Err: err}
	}
	t := &Type{
		name:    d.name,
		options: d.options,
		def:     d,
		goType:  d.goType,
		pointer: d.pointer,
		fresh:   d.fresh,
		shape:   codec.ShapeHash(d.goType),
	}
	t.options.object = nil
	return t, t.complete(d.id, ofApplication, d.options.object)
}

// definition makes a definition a key of Lookup.
func (d *definition) definition() *definition { return d }
