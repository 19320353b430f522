package schema

// Type: a Go type as it goes over the wire.

import (
	"go/constant"
	"go/token"
)

// TypeKind is what a value of a Type is on the wire, and how large it may be.
type TypeKind uint8

// The kinds of types.
const (
	Any TypeKind = iota // anything: an empty interface, a type that encodes itself
	Raw                 // codec.Raw: anything that stays encoded
	Bool
	Int
	Int8
	Int16
	Int32
	Int64
	Uint
	Uint8
	Uint16
	Uint32
	Uint64
	Float32
	Float64
	String
	Bytes // a slice or an array of bytes; of a type with MarshalBinary or MarshalText, what that returns
	Time
	Duration
	Slice
	Array
	Map
	Pointer
	Struct
)

// Type is a Go type. Two uses of a named type are the same *Type.
type Type struct {
	Kind    TypeKind
	Name    string // of a named type, with its type arguments: "Page[Item]"; empty: it has none
	Package string // its import path
	Doc     string // its comment
	Pos     token.Position

	Key, Elem *Type // of maps; of maps, slices, arrays and pointers
	Len       int   // of arrays

	Fields  []Field  // of structs, in order; those of embedded structs in their place
	AsArray bool     // the struct travels as an array
	Own     bool     // the type encodes itself; Kind is the form of that, as far as it is known
	Members []Member // constants of the type, if it is an enumeration: integers or texts
}

// Field is a field of a struct.
type Field struct {
	Name     string // on the wire
	Alias    string // another name that a decoder takes; empty: none
	Doc      string
	Type     *Type
	Optional bool // it may be missing: omitempty, or in an embedded pointer
	Pos      token.Position

	goName string
}

// Member is a constant of an enumeration.
type Member struct {
	Name  string // of the Go constant
	Doc   string
	Value constant.Value
}
