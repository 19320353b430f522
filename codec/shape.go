package codec

// The shape of a Go type: what its values look like on the wire, in a canonical form. Two
// programs whose types of one packet have the same shape understand each other's values.

import (
	"hash/fnv"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Shape describes the form in which values of type t travel:
//
//	bool int float str bin time ext    a value of that kind; int is of any size and sign
//	any                                anything: an interface, Raw, a type that encodes itself
//	[shape]                            an array of such
//	{shape:shape}                      a map of keys and values
//	(name=shape name=shape)            a struct, as a map: its fields sorted by the bytes of their names
//	<shape shape>                      a struct that travels as an array, in its order
//	^n                                 a struct within itself: the nth struct around it, from 1 inside out
//
// An array or a map that is within itself, without a struct in between, is any there.
// Names are quoted as Go does it where they have other characters than letters, digits and
// underscores. A pointer has the shape of what it points to, since nil is no kind of its own.
// A type that CheckType refuses has the shape any.
func Shape(t reflect.Type) string {
	p, err := newPlanner(new(Msgpack)).plan(t)
	if err != nil {
		return "any"
	}
	var s shaper
	s.plan(p)
	return s.text.String()
}

// ShapeHash is the FNV-1a hash of the type's Shape, in 32 bits and never 0.
func ShapeHash(t reflect.Type) uint32 {
	h := fnv.New32a()
	h.Write([]byte(Shape(t)))
	return max(h.Sum32(), 1)
}

// shaper writes a shape.
type shaper struct {
	text   strings.Builder
	above  []*plan // structs that are being written
	arrays []*plan // arrays and maps that are being written, within the innermost of the structs
}

// kinds are the shapes of what has no parts.
var kinds = map[op]string{
	opBool: "bool", opInt: "int", opUint: "int", opFloat32: "float", opFloat64: "float", opString: "str",
	opBytes: "bin", opByteArray: "bin", opTime: "time", opExt: "ext", opStrings: "[str]", opAnys: "[any]",
	opStringMap: "{str:str}", opAnyMap: "{str:any}", opError: "str", opErrorText: "str",
}

func (s *shaper) plan(p *plan) {
	switch {
	case p.enc != p.dec:
		s.text.WriteString("any") // its own code decides
	case p.enc == opPointer:
		s.plan(p.elem)
	case p.enc == opSlice, p.enc == opArray:
		s.array(p, "[", "]", func() { s.plan(p.elem) })
	case p.enc == opMap:
		s.array(p, "{", "}", func() {
			s.plan(p.key)
			s.text.WriteByte(':')
			s.plan(p.elem)
		})
	case p.enc == opStruct:
		s.structure(p)
	case kinds[p.enc] != "":
		s.text.WriteString(kinds[p.enc])
	default:
		s.text.WriteString("any")
	}
}

// array writes an array or a map, unless that is being written already.
func (s *shaper) array(p *plan, open, end string, inner func()) {
	if slices.Contains(s.arrays, p) {
		s.text.WriteString("any")
		return
	}
	s.arrays = append(s.arrays, p)
	s.wrap(open, end, inner)
	s.arrays = s.arrays[:len(s.arrays)-1]
}

func (s *shaper) structure(p *plan) {
	if i := slices.Index(s.above, p); i >= 0 {
		s.text.WriteString("^" + strconv.Itoa(len(s.above)-i))
		return
	}
	arrays := s.arrays
	s.above, s.arrays = append(s.above, p), nil
	defer func() { s.above, s.arrays = s.above[:len(s.above)-1], arrays }()
	fields := slices.Clone(p.fields)
	if p.asArray {
		s.wrap("<", ">", func() { s.fields(fields, false) })
		return
	}
	slices.SortFunc(fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
	s.wrap("(", ")", func() { s.fields(fields, true) })
}

func (s *shaper) fields(fields []field, named bool) {
	for i, f := range fields {
		if i > 0 {
			s.text.WriteByte(' ')
		}
		if named {
			s.text.WriteString(quotedName(f.name) + "=")
		}
		s.plan(f.plan)
	}
}

func (s *shaper) wrap(open, end string, inner func()) {
	s.text.WriteString(open)
	inner()
	s.text.WriteString(end)
}

// quotedName is name, in quotes unless it is plain.
func quotedName(name string) string {
	plain := func(r rune) bool {
		return r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	if name != "" && strings.IndexFunc(name, func(r rune) bool { return !plain(r) }) < 0 {
		return name
	}
	return strconv.Quote(name)
}
