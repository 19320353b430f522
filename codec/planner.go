package codec

import (
	"encoding"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"
)

// A planner makes a plan for a type, and for all types within. It gives up on
// what msgpack/v5 treats in a way of its own: types with methods for encoding
// or decoding, interfaces, what is embedded by a pointer, tags with more than
// the usual options.
type planner map[reflect.Type]*plan // types that contain themselves find their plan here

// planFor returns the plan for t, or nil: v5 does it then.
func planFor(t reflect.Type) *plan {
	p, ok := make(planner).plan(t)
	if !ok || !sameAsV5(p) {
		return nil
	}
	return p
}

func (ps planner) plan(t reflect.Type) (*plan, bool) {
	if p := ps[t]; p != nil {
		return p, true
	}
	if special(t) {
		return nil, false
	}
	p := &plan{typ: t}
	ps[t] = p
	return p, ps.fill(p, t)
}

func (ps planner) fill(p *plan, t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool:
		p.op = opBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		p.op = sized(opInt8, t)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		p.op = sized(opUint8, t)
	case reflect.Float32:
		p.op = opFloat32
	case reflect.Float64:
		p.op = opFloat64
	case reflect.String:
		p.op = opString
	case reflect.Slice:
		switch {
		case t.Elem().Kind() == reflect.Uint8:
			p.op = opBytes
			return true
		case t.Elem() == reflect.TypeFor[string]():
			p.op = opStrings
			return true
		}
		p.op = opSlice
		return ps.fillElem(p, t)
	case reflect.Array:
		p.len = t.Len()
		if t.Elem().Kind() == reflect.Uint8 {
			p.op = opByteArray
			return t.Elem() == reflect.TypeFor[byte]() // v5 panics with others, where they have no address
		}
		p.op = opArray
		return ps.fillElem(p, t)
	case reflect.Map:
		p.op = opMap
		if t.Key() == reflect.TypeFor[string]() && t.Elem() == t.Key() {
			p.op = opStringMap
		}
		return t.Key().Kind() == reflect.String && !special(t.Key()) && ps.fillElem(p, t)
	case reflect.Pointer:
		p.op = opPointer
		return t.Elem().Kind() != reflect.Pointer && ps.fillElem(p, t)
	case reflect.Struct:
		p.op = opStruct
		return ps.fillStruct(p, t)
	default:
		return false
	}
	return true
}

// sized is the op for the size of t, where op8 is the one for a byte.
func sized(op8 op, t reflect.Type) op {
	switch t.Size() {
	case 1:
		return op8
	case 2:
		return op8 + 1
	case 4:
		return op8 + 2
	}
	return op8 + 3
}

func (ps planner) fillElem(p *plan, t reflect.Type) (ok bool) {
	p.step = t.Elem().Size()
	p.elem, ok = ps.plan(t.Elem())
	return ok
}

func (ps planner) fillStruct(p *plan, t reflect.Type) (ok bool) {
	if !ps.addFields(p, t, 0) {
		return false
	}
	seen := make(map[string]int)
	for k, f := range p.fields {
		if _, twice := seen[f.name]; twice || !utf8.ValidString(f.name) {
			return false
		}
		seen[f.name] = k
	}
	for _, f := range p.embedded {
		if _, twice := seen[f.name]; twice {
			return false
		}
		seen[f.name] = -1
	}
	if len(p.fields) > fewFields {
		p.index = seen
	}
	return true
}

// addFields adds the fields of a struct that lies at an offset, and in their
// place those of a struct embedded in it.
func (ps planner) addFields(p *plan, t reflect.Type, offset uintptr) bool {
	omitAll := false
	for i := range t.NumField() {
		f := t.Field(i)
		tag, ok := parseTag(f.Tag.Get("msgpack"))
		if !ok {
			return false
		}
		if tag.name == "-" {
			continue
		}
		if f.Name == "_msgpack" {
			p.asArray = p.asArray || tag.asArray && t == p.typ
			omitAll = omitAll || tag.omitEmpty
		}
		if !f.IsExported() && !f.Anonymous {
			continue
		}
		if tag.name == "" {
			tag.name = f.Name
		}
		inline := f.Anonymous && f.Type.Kind() == reflect.Struct && !tag.noInline
		if f.Anonymous && (!f.IsExported() || f.Type.Kind() == reflect.Pointer) || tag.inline && !inline {
			return false
		}
		inner, ok := ps.plan(f.Type)
		if !ok {
			return false
		}
		to := field{
			name: tag.name, key: string(AppendString(nil, tag.name)), offset: offset + f.Offset,
			plan: inner, omitEmpty: omitAll || tag.omitEmpty,
		}
		switch {
		case inline:
			if t == p.typ {
				p.embedded = append(p.embedded, to)
			}
			if !ps.addFields(p, f.Type, to.offset) {
				return false
			}
			continue
		case to.omitEmpty && f.Type.Implements(reflect.TypeFor[interface{ IsZero() bool }]()):
			return false
		}
		p.omitEmpty = p.omitEmpty || to.omitEmpty
		p.fields = append(p.fields, to)
	}
	return true
}

type fieldTag struct {
	name                                 string
	omitEmpty, asArray, inline, noInline bool
}

// parseTag does not know of quotes, values and options that have no part in a
// plan.
func parseTag(s string) (tag fieldTag, ok bool) {
	if strings.ContainsAny(s, `:'\(`) {
		return tag, false
	}
	name, options, more := strings.Cut(s, ",")
	tag.name = strings.TrimSpace(name)
	for more {
		name, options, more = strings.Cut(options, ",")
		switch strings.TrimSpace(name) {
		case "omitempty":
			tag.omitEmpty = true
		case "as_array", "asArray":
			tag.asArray = true
		case "noinline":
			tag.noInline = true
		case "inline":
			tag.inline = true
		case "":
		default:
			return tag, false
		}
	}
	return tag, true
}

// special reports whether v5 leaves values of type t, or pointers to them, to
// code of their own.
func special(t reflect.Type) bool {
	ptr := reflect.PointerTo(t)
	if decodesItself(t) || decodesItself(ptr) {
		return true
	}
	for _, own := range []reflect.Type{
		reflect.TypeFor[msgpack.CustomEncoder](), reflect.TypeFor[msgpack.Marshaler](),
		reflect.TypeFor[encoding.BinaryMarshaler](), reflect.TypeFor[encoding.TextMarshaler](),
	} {
		if ptr.Implements(own) { // and so has all methods of t
			return true
		}
	}
	return false
}
