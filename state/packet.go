package state

// Packet: the definition of a state's values, which is a packet and the key of its values.

import (
	"fmt"
	"reflect"

	"github.com/packetmq/packetmq/registry"
)

// Packet is the definition of values of type T, and the handle by which a State and a Mirror
// are made. Like a registry.Packet it belongs to no registry: both sides of a program add the
// same one to theirs.
//
// The zero Packet defines nothing, and what is given one panics with ErrUndefined.
type Packet[T any] struct{ def *definition[T] }

// definition is what Define was given. It does not change.
type definition[T any] struct {
	packet registry.Packet[T]
	key    func(v *T) uint64
	flat   bool // a copy of a T shares no memory with it that could change
}

// Define defines the values of a state by the name and the id of their packet, and by the
// function that returns the key of a value. key is called on any goroutine, must not keep v,
// and must return the same key on both sides.
//
// A value that finds no room is kept back, and its newest is sent later: options about
// overflow and reuse have no effect. Nothing is checked yet: registry.Add, which takes the
// Packets, tells what is wrong.
func Define[T any](name string, id int, key func(v *T) uint64, opts ...registry.Option) Packet[T] {
	flat := isFlat(reflect.TypeFor[T]())
	opts = append(opts[:len(opts):len(opts)], func(o *registry.Options) {
		o.Overflow = registry.Refuse
		o.Reuse = flat // then a mirror copies what it keeps
	})
	return Packet[T]{&definition[T]{packet: registry.Define[T](name, id, opts...), key: key, flat: flat}}
}

// Packets are the packets of the values, for a registry:
//
//	reg.MustAdd(pos.Packets()...)
func (p Packet[T]) Packets() []registry.Definition {
	return []registry.Definition{p.Packet()}
}

// Packet is the packet of a value.
func (p Packet[T]) Packet() registry.Packet[T] {
	if p.def == nil {
		return registry.Packet[T]{}
	}
	return p.def.packet
}

// Name is the name of the packet.
func (p Packet[T]) Name() string { return p.Packet().Name() }

// Add defines values and adds their packet to one registry: it is Define followed by
// Registry.Add.
func Add[T any](r *registry.Registry, name string, id int, key func(v *T) uint64, opts ...registry.Option) (Packet[T], error) {
	p := Define(name, id, key, opts...)
	if err := r.Add(p.Packets()...); err != nil {
		return Packet[T]{}, fmt.Errorf("state: %w", err)
	}
	return p, nil
}

// MustAdd is like Add but panics on an error. It is for packets that a program sets up from
// constants, where an error is a bug.
func MustAdd[T any](r *registry.Registry, name string, id int, key func(v *T) uint64, opts ...registry.Option) Packet[T] {
	p, err := Add(r, name, id, key, opts...)
	if err != nil {
		panic(err)
	}
	return p
}

// mustDefine panics where the program is wrong.
func (p Packet[T]) mustDefine(call string) {
	switch {
	case p.def == nil:
		panic("state: " + call + ": " + ErrUndefined.Error())
	case p.def.key == nil:
		panic("state: " + call + ": nil function for the key of " + p.Name())
	}
}

// isFlat reports whether an assignment copies all of a value of type t that can change.
func isFlat(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return isFlat(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if !isFlat(t.Field(i).Type) {
				return false
			}
		}
		return true
	case reflect.Chan, reflect.Func, reflect.Interface, reflect.Map, reflect.Pointer, reflect.Slice, reflect.UnsafePointer:
		return false
	}
	return true
}
