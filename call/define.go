package call

// Call: the definition of a call, which is two packets.

import (
	"fmt"
	"sync"

	"github.com/packetmq/packetmq/registry"
)

// answerSuffix is what the name of a call's answer ends with.
const answerSuffix = ".answer"

// Call is the definition of a call that is asked with a Q and answered with an A, and the
// handle by which it is made and handled. Like a registry.Packet it belongs to no registry:
// both sides of a program add the same one to theirs.
//
// Two Calls are equal if they come from the same call of Define or Add. The zero Call
// defines nothing, and what is given one returns or panics with ErrUndefined.
type Call[Q, A any] struct{ def *definition[Q, A] }

// definition is what Define was given. It does not change, but for the pools.
type definition[Q, A any] struct {
	request registry.Packet[Request[Q]]
	answer  registry.Packet[Response[A]]
	reuse   bool // bodies are decoded into the same value again and again

	requests sync.Pool // *Request[Q], to send
	waiters  sync.Pool // *waiter[A]
}

// Define defines a call by the name and the id of its request. The answer is the packet
// name + ".answer" with the id after it:
//
//	var Buy = call.Define[Order, Receipt]("shop:buy", 40) // shop:buy = 40, shop:buy.answer = 41
//
// The options are for both packets. With registry.Reuse the Q that a handler gets, and the
// A that the function of Go gets, are valid during the call. A registry.MaxSize counts what is
// around the body, at most 20 bytes, and errors too: one that is larger travels as its name
// only, or as ErrInternal, which takes 32 bytes.
//
// Nothing is checked yet: registry.Add, which takes the Packets, tells what is wrong.
func Define[Q, A any](name string, id int, opts ...registry.Option) Call[Q, A] {
	var o registry.Options
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	opts = append(opts[:len(opts):len(opts)], registry.Reuse()) // of what is around the body
	return Call[Q, A]{&definition[Q, A]{
		request:  registry.Define[Request[Q]](name, id, opts...),
		answer:   registry.Define[Response[A]](name+answerSuffix, id+1, opts...),
		reuse:    o.Reuse,
		requests: sync.Pool{New: func() any { return new(Request[Q]) }},
		waiters:  sync.Pool{New: func() any { return &waiter[A]{done: make(chan struct{}, 1)} }},
	}}
}

// Packets are the call's request and answer, for a registry:
//
//	reg.MustAdd(Buy.Packets()...)
func (c Call[Q, A]) Packets() []registry.Definition {
	if c.def == nil {
		return []registry.Definition{registry.Packet[Request[Q]]{}}
	}
	return []registry.Definition{c.def.request, c.def.answer}
}

// Name is the call's name, which is that of its request.
func (c Call[Q, A]) Name() string {
	if c.def == nil {
		return ""
	}
	return c.def.request.Name()
}

// Request is the packet that asks.
func (c Call[Q, A]) Request() registry.Packet[Request[Q]] {
	if c.def == nil {
		return registry.Packet[Request[Q]]{}
	}
	return c.def.request
}

// Answer is the packet that answers.
func (c Call[Q, A]) Answer() registry.Packet[Response[A]] {
	if c.def == nil {
		return registry.Packet[Response[A]]{}
	}
	return c.def.answer
}

// Add defines a call and adds its packets to one registry: it is Define followed by
// Registry.Add.
func Add[Q, A any](r *registry.Registry, name string, id int, opts ...registry.Option) (Call[Q, A], error) {
	c := Define[Q, A](name, id, opts...)
	if err := r.Add(c.Packets()...); err != nil {
		return Call[Q, A]{}, fmt.Errorf("call: %w", err)
	}
	return c, nil
}

// MustAdd is like Add but panics on an error. It is for calls that a program sets up from
// constants, where an error is a bug.
func MustAdd[Q, A any](r *registry.Registry, name string, id int, opts ...registry.Option) Call[Q, A] {
	c, err := Add[Q, A](r, name, id, opts...)
	if err != nil {
		panic(err)
	}
	return c
}
