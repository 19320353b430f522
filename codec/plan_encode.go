package codec

// Encoding by a plan: it appends a value to a payload. The payload is sound
// then, so nothing checks it afterwards.

import (
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"time"
	"unicode/utf8"
)

// encode appends v, which lies in depth arrays and maps.
func (p *plan) encode(dst []byte, v reflect.Value, depth int) ([]byte, error) {
	switch p.enc {
	case opBool:
		return AppendBool(dst, v.Bool()), nil
	case opInt:
		return AppendInt(dst, v.Int()), nil
	case opUint:
		return AppendUint(dst, v.Uint()), nil
	case opFloat32:
		return appendFloat32(dst, float32(v.Float())), nil
	case opFloat64:
		return AppendFloat(dst, v.Float()), nil
	case opString:
		return appendValid(dst, v.String())
	case opBytes:
		if b := v.Bytes(); b != nil {
			return AppendBytes(dst, b), nil
		}
		return AppendNil(dst), nil
	case opStruct:
		return p.encodeStruct(dst, v, depth+1)
	}
	return p.encodeOther(dst, v, depth)
}

// encodeOther is encode for what is rarer, and would slow it down.
func (p *plan) encodeOther(dst []byte, v reflect.Value, depth int) ([]byte, error) {
	switch p.enc {
	case opByteArray:
		return appendByteArray(dst, v), nil
	case opStrings:
		return appendStrings(dst, *known[[]string](v), depth+1)
	case opSlice:
		if v.IsNil() {
			return AppendNil(dst), nil
		}
		return p.encodeElements(dst, v, depth+1)
	case opArray:
		return p.encodeElements(dst, v, depth+1)
	case opStringMap:
		return appendStringMap(dst, *known[map[string]string](v), depth+1)
	case opMap:
		return p.encodeMap(dst, v, depth+1)
	case opPointer:
		if v.IsNil() {
			return AppendNil(dst), nil
		}
		return p.elem.encode(dst, v.Elem(), depth)
	case opAny:
		return p.encodeAny(dst, v, depth)
	case opAnys:
		return p.m.appendArray(dst, *known[[]any](v), depth+1)
	case opAnyMap:
		return p.m.appendMap(dst, *known[map[string]any](v), depth+1)
	case opError:
		if v.IsNil() {
			return AppendNil(dst), nil
		}
		return appendValid(dst, v.Interface().(error).Error())
	case opTime:
		return appendTime(dst, *known[time.Time](v)), nil
	case opRaw:
		return known[Raw](v).appendTo(dst, depth)
	case opExt:
		return known[Ext](v).appendTo(dst)
	case opErrorText:
		return appendValid(dst, addressable(v).Addr().Interface().(error).Error())
	case opMsg:
		return marshal(dst, addressable(v).Addr().Interface().(Marshaler))
	}
	return p.m.encode(dst, v, p.only, depth)
}

// encodeAny appends what an interface holds. Pointers to interfaces are
// followed here, a bounded number of times, since they could lead in a circle
// that has no array or map in it.
func (p *plan) encodeAny(dst []byte, v reflect.Value, depth int) ([]byte, error) {
	for range maxDepth {
		switch {
		case v.Kind() == reflect.Interface:
		case v.Kind() != reflect.Pointer || v.IsNil():
			return p.m.append(dst, v.Interface(), depth)
		case v.Type().Elem().Kind() != reflect.Interface && v.Type().Elem().Kind() != reflect.Pointer:
			return p.m.append(dst, v.Interface(), depth)
		}
		if v.IsNil() {
			return AppendNil(dst), nil
		}
		v = v.Elem()
	}
	return dst, ErrDepth
}

// addressable is v, or a copy of v that has an address.
func addressable(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	return c
}

// known returns the address of v, or of a copy if v has none. The underlying type
// of v is that of T.
func known[T any](v reflect.Value) *T {
	v = addressable(v)
	if p, ok := v.Addr().Interface().(*T); ok {
		return p
	}
	return v.Addr().Convert(reflect.TypeFor[*T]()).Interface().(*T)
}

func appendByteArray(dst []byte, v reflect.Value) []byte {
	if v.CanAddr() {
		return AppendBytes(dst, v.Bytes())
	}
	n := v.Len()
	dst = appendLength(dst, bin8, n)
	for i := range n {
		dst = append(dst, byte(v.Index(i).Uint()))
	}
	return dst
}

func appendValid(dst []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return dst, ErrUTF8
	}
	return AppendString(dst, s), nil
}

// appendKey appends a string as the key of a map. A key that is not UTF-8 goes out
// as bin, since only a bin can have brought it in.
func appendKey(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		return append(appendLength(dst, bin8, len(s)), s...)
	}
	return AppendString(dst, s)
}

func appendStrings(dst []byte, v []string, depth int) (_ []byte, err error) {
	if v == nil {
		return AppendNil(dst), nil
	}
	if depth > maxDepth {
		return dst, ErrDepth
	}
	dst = AppendArrayHeader(dst, len(v))
	for _, s := range v {
		if dst, err = appendValid(dst, s); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func appendStringMap(dst []byte, v map[string]string, depth int) (_ []byte, err error) {
	if v == nil {
		return AppendNil(dst), nil
	}
	if depth > maxDepth {
		return dst, ErrDepth
	}
	dst = AppendMapHeader(dst, len(v))
	for k, s := range v {
		if dst, err = appendValid(appendKey(dst, k), s); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func (p *plan) encodeElements(dst []byte, v reflect.Value, depth int) (_ []byte, err error) {
	if depth > maxDepth {
		return dst, ErrDepth
	}
	n := v.Len()
	dst = AppendArrayHeader(dst, n)
	for i := range n {
		if dst, err = p.elem.encode(dst, v.Index(i), depth); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func (p *plan) encodeMap(dst []byte, v reflect.Value, depth int) (_ []byte, err error) {
	if v.IsNil() {
		return AppendNil(dst), nil
	}
	if depth > maxDepth {
		return dst, ErrDepth
	}
	dst = AppendMapHeader(dst, v.Len())
	key, elem := reflect.New(p.typ.Key()).Elem(), reflect.New(p.typ.Elem()).Elem() // for all pairs
	for pairs := v.MapRange(); pairs.Next(); {
		key.SetIterKey(pairs)
		if dst, err = p.key.encodeKey(dst, key, depth); err != nil {
			return dst, err
		}
		elem.SetIterValue(pairs)
		if dst, err = p.elem.encode(dst, elem, depth); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func (p *plan) encodeKey(dst []byte, v reflect.Value, depth int) ([]byte, error) {
	switch p.enc {
	case opString:
		return appendKey(dst, v.String()), nil
	case opAny:
		return p.m.appendAnyKey(dst, v.Interface(), depth)
	}
	start := len(dst)
	dst, err := p.encode(dst, v, depth)
	if err == nil && isContainer(dst[start:]) {
		err = ErrMapKey
	}
	return dst, err
}

// isContainer reports whether the object at the front of b is an array, a map
// or an ext, none of which may be the key of a map.
func isContainer(b []byte) bool {
	kind, _, _ := header(b)
	return kind >= array
}

// errNoPointer is why a struct that is an array cannot go out.
var errNoPointer = errors.New("embedded pointer is nil, and an array has a place for each of its fields")

func (p *plan) encodeStruct(dst []byte, v reflect.Value, depth int) (_ []byte, err error) {
	if depth > maxDepth {
		return dst, ErrDepth
	}
	switch {
	case p.asArray:
		dst = AppendArrayHeader(dst, len(p.fields))
	case p.omitEmpty:
		dst = AppendMapHeader(dst, p.present(v))
	default:
		dst = AppendMapHeader(dst, len(p.fields))
	}
	for i := range p.fields {
		f := &p.fields[i]
		v, ok := f.of(v)
		switch {
		case p.asArray:
			if !ok {
				return dst, errNoPointer
			}
		case !ok || f.omitEmpty && f.empty(v):
			continue
		default:
			dst = append(dst, f.key...)
		}
		if dst, err = f.plan.encode(dst, v, depth); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// present counts the fields of a struct that are not left out.
func (p *plan) present(v reflect.Value) int {
	n := len(p.fields)
	for i := range p.fields {
		f := &p.fields[i]
		if v, ok := f.of(v); !ok || f.omitEmpty && f.empty(v) {
			n--
		}
	}
	return n
}

// empty reports whether v is what omitempty omits: nil, zero, what has no
// elements, and what says so itself.
func (f *field) empty(v reflect.Value) bool {
	if f.isZero {
		return v.Interface().(isZeroer).IsZero()
	}
	return f.plan.empty(v)
}

type isZeroer interface{ IsZero() bool }

// empty is the same without the method. A struct is empty if all its fields
// would be left out.
func (p *plan) empty(v reflect.Value) bool {
	switch p.enc {
	case opStruct:
		return p.present(v) == 0
	case opString, opArray, opByteArray, opSlice, opBytes, opStrings, opMap, opStringMap, opAnys, opAnyMap:
		return v.Len() == 0
	case opFloat32, opFloat64:
		return v.Float() == 0 // so is the negative one
	}
	return v.IsZero()
}

func appendFloat32(dst []byte, v float32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, float32_), math.Float32bits(v))
}
