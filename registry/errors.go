package registry

// Errors of this package.

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

var (
	// ErrFull: the registry holds MaxNames packets.
	ErrFull = errors.New("registry: full")
	// ErrNoRegistry: the *Registry is nil.
	ErrNoRegistry = errors.New("registry: no registry")
	// ErrUndefined: a packet to be added is nil or a zero Packet.
	ErrUndefined = errors.New("registry: packet without a definition")
	// ErrPermanent: the four packets every registry has cannot be removed.
	ErrPermanent = errors.New("registry: packet cannot be removed")
	// ErrAmbiguous: several packets share the object given as key.
	ErrAmbiguous = errors.New("registry: object of several packets")
)

// NameError is a name that cannot be registered.
type NameError struct {
	Name   string // its first 128 bytes
	Reason string
}

func (e *NameError) Error() string {
	return fmt.Sprintf("registry: name %q: %s", e.Name, e.Reason)
}

// IDError is an id outside the range its packet may have.
type IDError struct {
	Name     string
	ID       int
	Min, Max int // the range, both included
}

func (e *IDError) Error() string {
	return fmt.Sprintf("registry: packet %q: id %d is not within %d and %d", e.Name, e.ID, e.Min, e.Max)
}

// ObjectError is an object that cannot serve a packet: it could not be found
// again, or has a method with the name of a hook in another shape.
type ObjectError struct {
	Name   string
	Type   reflect.Type // the object's
	Reason string
}

func (e *ObjectError) Error() string {
	return fmt.Sprintf("registry: packet %q: object of type %v: %s", e.Name, e.Type, e.Reason)
}

// InUseError is a packet that was to be added while conns are open whose other
// sides were told the packets: it could not be sent to them.
type InUseError struct {
	Name  string
	Conns int
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("registry: packet %q: %d open conns do not know it: add it before they connect, or define it with registry.Late",
		e.Name, e.Conns)
}

// TypeError is a Go type that no payload can carry. It wraps the codec's error of
// the same name, which tells what part of the type is at fault.
type TypeError struct {
	Name string
	Err  error
}

func (e *TypeError) Error() string { return fmt.Sprintf("registry: packet %q: %v", e.Name, e.Err) }

// Unwrap returns a *codec.TypeError.
func (e *TypeError) Unwrap() error { return e.Err }

// OptionError is an option that the packet cannot have.
type OptionError struct {
	Name   string
	Option string
	Reason string
}

func (e *OptionError) Error() string {
	return fmt.Sprintf("registry: packet %q: option %s: %s", e.Name, e.Option, e.Reason)
}

// ConflictError is a packet whose name or id another one already has.
type ConflictError struct {
	New, Old Entry
}

func (e *ConflictError) Error() string {
	what := "id"
	if e.New.Name == e.Old.Name {
		what = "name"
	}
	return fmt.Sprintf("registry: packet %q (%d) has the %s of packet %q (%d)",
		e.New.Name, e.New.ID, what, e.Old.Name, e.Old.ID)
}

// UnknownError is a key under which nothing is registered.
type UnknownError struct {
	Key any
}

func (e *UnknownError) Error() string {
	if k, ok := e.Key.(Definition); ok {
		if d := definitionOf(k); d != nil {
			return fmt.Sprintf("registry: packet %q was not added, or was removed", clip(d.name))
		}
	}
	// A foreign object is not printed: it may be large, or refer to itself.
	v := reflect.ValueOf(e.Key)
	switch {
	case v.Kind() == reflect.String:
		return "registry: no packet named " + strconv.Quote(clip(v.String()))
	case v.CanInt():
		return fmt.Sprintf("registry: no packet with id %d", v.Int())
	case v.CanUint():
		return fmt.Sprintf("registry: no packet with id %d", v.Uint())
	}
	return fmt.Sprintf("registry: no packet for a key of type %T", e.Key)
}

// MismatchError means that two sides do not have the same packets. Each list
// names at most eight.
type MismatchError struct {
	Missing []string // those only this side has
	Extra   []string // those only the other side has, the first 128 bytes of each name
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("registry: the packets differ: the other side lacks [%s], this side lacks [%s]",
		quote(e.Missing), quote(e.Extra))
}

func quote(names []string) string {
	var b strings.Builder
	for i, name := range names {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strconv.Quote(name))
	}
	return b.String()
}

// AdaptError is a list of ids that cannot be adapted to, though its names may
// be the right ones.
type AdaptError struct {
	Entry  Entry // the offending one; zero when the list as a whole is
	Reason string
}

func (e *AdaptError) Error() string {
	if e.Entry == (Entry{}) {
		return "registry: ids to adapt to: " + e.Reason
	}
	return fmt.Sprintf("registry: ids to adapt to: packet %q, id %d: %s", e.Entry.Name, e.Entry.ID, e.Reason)
}
