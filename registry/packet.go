package registry

import (
	"reflect"

	"github.com/packetmq/packetmq/codec"
)

// Packet is a handle to a packet that is decoded into a T. Handles are equal
// when they are of the same packet. The zero Packet is of none: its Type is
// nil, its name empty.
type Packet[T any] struct{ t *Type }

// Type is the packet's type.
func (p Packet[T]) Type() *Type { return p.t }

// Name is the packet's name, "application:packet".
func (p Packet[T]) Name() string {
	if p.t == nil {
		return ""
	}
	return p.t.name
}

// ID is the id the packet was registered under.
func (p Packet[T]) ID() uint16 {
	if p.t == nil {
		return 0
	}
	return p.t.id
}

// Add registers a packet that is decoded into a T. All else is as for
// Registry.Add; WithObject gives the packet an object. A T that no payload can
// carry, since there is a channel in it, say, is a *TypeError.
func Add[T any](r *Registry, name string, id int, opts ...Option) (Packet[T], error) {
	t := &Type{
		name:    name,
		options: collect(opts),
		goType:  reflect.TypeFor[T](),
		fresh:   func() any { return new(T) },
	}
	if t.goType.Kind() != reflect.Interface {
		t.pointer = reflect.TypeFor[*T]()
	}
	if err := t.options.check(name, true); err != nil {
		return Packet[T]{}, err
	}
	if err := codec.CheckType(t.goType); err != nil {
		return Packet[T]{}, &TypeError{Name: name, Err: err}
	}
	obj := t.options.object
	t.options.object = nil
	if _, err := r.addApplication(t, id, obj); err != nil {
		return Packet[T]{}, err
	}
	return Packet[T]{t}, nil
}

// MustAdd is like Add but panics on an error. It is for packets that a
// program sets up from constants, where an error is a bug.
func MustAdd[T any](r *Registry, name string, id int, opts ...Option) Packet[T] {
	p, err := Add[T](r, name, id, opts...)
	if err != nil {
		panic(err)
	}
	return p
}
