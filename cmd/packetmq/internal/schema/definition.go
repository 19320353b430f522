package schema

// Definition: a packet or the like, as a program defines it.

import (
	"fmt"
	"go/token"
)

// Kind is what a Definition defines.
type Kind uint8

// The kinds of definitions.
const (
	Packet     Kind = iota // registry.Define, Add, MustAdd, and AddObject, whose Body is nil
	Call                   // call.Define, Add, MustAdd: the packets Name and Name + ".answer"
	State                  // state.Define, Add, MustAdd
	Rooms                  // request.Define: the calls Name + ".join" and Name + ".leave"
	NamedError             // call.DefineError and the like, which has no ID
)

// String is the kind in a word.
func (k Kind) String() string {
	return [...]string{"packet", "call", "state", "requests", "error"}[k]
}

// Definition is one that the source has. Fields that its kind does not have are zero.
type Definition struct {
	Kind     Kind
	Name     string // "application:packet"
	ID       int
	Var      string // the package's variable that is set to it; empty: none is
	Doc      string // the comment of the variable, as text
	Package  string // import path
	Pos      token.Position
	Body     *Type // of a packet, a request, a state's value, an error's data; nil: none
	Answer   *Type // of a call
	Key      []Key // of a state: the field that is the key, from outside in
	Optional bool
	MaxSize  int // in bytes; 0: no bound of its own
}

// Key is one field on the way to the key of a state's values.
type Key struct {
	Name     string // on the wire
	Type     *Type
	Optional bool // see Field
}

// Entry is a packet as the handshake names it.
type Entry struct {
	Name     string
	ID       int
	Optional bool
	Type     *Type // nil: it has no Go type
}

// Entries are the packets that a registry has of the definition.
func (d *Definition) Entries() []Entry {
	switch d.Kind {
	case Packet, State:
		return []Entry{{d.Name, d.ID, d.Optional, d.Body}}
	case Call:
		return callEntries(d.Name, d.ID, d.Optional, d.Body, d.Answer)
	case Rooms:
		name, yes := &Type{Kind: String}, &Type{Kind: Bool}
		return append(callEntries(d.Name+".join", d.ID, d.Optional, name, yes),
			callEntries(d.Name+".leave", d.ID+2, d.Optional, name, yes)...)
	}
	return nil
}

// callEntries are the two packets of a call, in the form of PROTOCOL section 15.
func callEntries(name string, id int, optional bool, body, answer *Type) []Entry {
	number := &Type{Kind: Uint64}
	failure := &Type{Kind: Struct, AsArray: true, Fields: []Field{
		{Name: "Name", Type: &Type{Kind: String}}, {Name: "Text", Type: &Type{Kind: String}}, {Name: "Data", Type: &Type{Kind: Any}},
	}}
	request := &Type{Kind: Struct, AsArray: true, Fields: []Field{{Name: "ID", Type: number}, {Name: "MS", Type: number}, {Name: "Body", Type: body}}}
	response := &Type{Kind: Struct, AsArray: true, Fields: []Field{{Name: "ID", Type: number}, {Name: "Error", Type: failure}, {Name: "Body", Type: answer}}}
	return []Entry{{name, id, optional, request}, {name + ".answer", id + 1, optional, response}}
}

// Set is what some packages define, in the order of their paths, files and lines.
type Set struct {
	Definitions []*Definition
}

// Entries are the packets of a registry that has all definitions.
func (s *Set) Entries() (all []Entry) {
	for _, d := range s.Definitions {
		all = append(all, d.Entries()...)
	}
	return all
}

// add adds a definition. The same one twice counts once; two that differ are an error.
func (s *Set) add(d *Definition) error {
	for _, other := range s.Definitions {
		switch {
		case other.equal(d):
			return nil
		case other.Name == d.Name && (other.Kind == NamedError) == (d.Kind == NamedError):
			return &Error{d.Pos, fmt.Sprintf("%s is defined in another way at %s", d.Name, place(other.Pos))}
		}
		for _, a := range other.Entries() {
			for _, b := range d.Entries() {
				if a.ID == b.ID || a.Name == b.Name {
					return &Error{d.Pos, fmt.Sprintf("%s = %d is taken: %s = %d is defined at %s", b.Name, b.ID, a.Name, a.ID, place(other.Pos))}
				}
			}
		}
	}
	s.Definitions = append(s.Definitions, d)
	return nil
}

func (d *Definition) equal(o *Definition) bool {
	return d.Kind == o.Kind && d.Name == o.Name && d.ID == o.ID && d.Body == o.Body && d.Answer == o.Answer &&
		d.Optional == o.Optional && d.MaxSize == o.MaxSize
}
