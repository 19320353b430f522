package schema

// The shape of a Type, which is that of codec.Shape.

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
)

// Shape describes the form in which values of the type travel, as codec.Shape does of the Go
// type.
func (t *Type) Shape() string {
	var s shaper
	s.write(t)
	return s.text.String()
}

// ShapeHash is the hash of the Shape, as codec.ShapeHash makes it.
func (t *Type) ShapeHash() uint32 {
	h := fnv.New32a()
	h.Write([]byte(t.Shape()))
	return max(h.Sum32(), 1)
}

// shaper writes a shape.
type shaper struct {
	text   strings.Builder
	above  []*Type // structs that are being written
	arrays []*Type // arrays and maps that are being written, within the innermost of the structs
}

// shapes are those of kinds that have no parts.
var shapes = [...]string{
	Any: "any", Raw: "any", Bool: "bool", Int: "int", Int8: "int", Int16: "int", Int32: "int", Int64: "int",
	Uint: "int", Uint8: "int", Uint16: "int", Uint32: "int", Uint64: "int",
	Float32: "float", Float64: "float", String: "str", Bytes: "bin", Time: "time", Duration: "int",
}

func (s *shaper) write(t *Type) {
	if t.Own {
		s.text.WriteString("any")
		return
	}
	switch t.Kind {
	case Pointer:
		s.write(t.Elem)
	case Slice, Array:
		s.array(t, "[", "]", func() { s.write(t.Elem) })
	case Map:
		s.array(t, "{", "}", func() {
			s.write(t.Key)
			s.text.WriteByte(':')
			s.write(t.Elem)
		})
	case Struct:
		s.structure(t)
	default:
		s.text.WriteString(shapes[t.Kind])
	}
}

// array writes an array or a map, unless that is being written already.
func (s *shaper) array(t *Type, begin, end string, inner func()) {
	if slices.Contains(s.arrays, t) {
		s.text.WriteString("any")
		return
	}
	s.arrays = append(s.arrays, t)
	s.text.WriteString(begin)
	inner()
	s.text.WriteString(end)
	s.arrays = s.arrays[:len(s.arrays)-1]
}

func (s *shaper) structure(t *Type) {
	if i := slices.Index(s.above, t); i >= 0 {
		s.text.WriteString("^" + strconv.Itoa(len(s.above)-i))
		return
	}
	arrays := s.arrays
	s.above, s.arrays = append(s.above, t), nil
	defer func() { s.above, s.arrays = s.above[:len(s.above)-1], arrays }()
	fields, begin, end := slices.Clone(t.Fields), "(", ")"
	if t.AsArray {
		begin, end = "<", ">"
	} else {
		slices.SortFunc(fields, func(a, b Field) int { return cmp.Compare(a.Name, b.Name) })
	}
	s.text.WriteString(begin)
	for i, f := range fields {
		if i > 0 {
			s.text.WriteByte(' ')
		}
		if !t.AsArray {
			s.text.WriteString(quoted(f.Name) + "=")
		}
		s.write(f.Type)
	}
	s.text.WriteString(end)
}

// quoted is a name, in quotes unless it is plain.
func quoted(name string) string {
	isOther := func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}
	if name != "" && strings.IndexFunc(name, isOther) < 0 {
		return name
	}
	return strconv.Quote(name)
}
