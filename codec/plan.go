package codec

import (
	"encoding/binary"
	"math"
	"reflect"
	"unicode/utf8"
)

// A plan is how values of one type are encoded and decoded, found out once: the
// bytes and the values are those of msgpack/v5, which finds it out for each
// value anew.
type plan struct {
	op   op
	typ  reflect.Type
	elem *plan // of a pointer, a slice, an array, a map

	fields    []field        // of a struct, in the order of the wire
	embedded  []field        // of a struct, structs whose fields are among those; a decoder takes them by name too
	index     map[string]int // fields by name, where they are many; -1 for what is embedded
	asArray   bool
	omitEmpty bool // there are fields that may be left out
}

// A field is a field of a struct, or of one embedded in it.
type field struct {
	name      string
	key       string // the name, encoded
	at        int    // where it is in the struct, or what it is embedded in
	path      []int  // from there on, if it is embedded
	plan      *plan
	omitEmpty bool
}

func (f *field) of(v reflect.Value) reflect.Value {
	if len(f.path) > 0 {
		return v.Field(f.at).FieldByIndex(f.path)
	}
	return v.Field(f.at)
}

// An op is what a plan does.
type op uint8

const (
	opBool op = iota
	opInt
	opUint
	opFloat32
	opFloat64
	opString
	opBytes
	opByteArray
	opStrings
	opSlice
	opArray
	opStringMap
	opMap
	opPointer
	opStruct
)

// encode appends v, which lies in depth arrays and maps.
func (p *plan) encode(dst []byte, v reflect.Value, depth int) ([]byte, error) {
	switch p.op {
	case opBool:
		return AppendBool(dst, v.Bool()), nil
	case opInt:
		return AppendInt(dst, v.Int()), nil
	case opUint:
		return AppendUint(dst, v.Uint()), nil
	case opFloat32:
		return binary.BigEndian.AppendUint32(append(dst, float32_), math.Float32bits(float32(v.Float()))), nil
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
	switch p.op {
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
	}
	if v.IsNil() { // a pointer
		return AppendNil(dst), nil
	}
	return p.elem.encode(dst, v.Elem(), depth)
}

// known returns the address of v, or of a copy where it has none. Its type is T,
// but for the name.
func known[T any](v reflect.Value) *T {
	if !v.CanAddr() {
		c := reflect.New(v.Type())
		c.Elem().Set(v)
		v = c.Elem()
	}
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
		if dst, err = appendValid(dst, k); err != nil {
			return dst, err
		}
		if dst, err = appendValid(dst, s); err != nil {
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
		if dst, err = appendValid(dst, key.String()); err != nil {
			return dst, err
		}
		elem.SetIterValue(pairs)
		if dst, err = p.elem.encode(dst, elem, depth); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

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
		v := f.of(v)
		if !p.asArray {
			if f.omitEmpty && f.plan.empty(v) {
				continue
			}
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
		if f := &p.fields[i]; f.omitEmpty && f.plan.empty(f.of(v)) {
			n--
		}
	}
	return n
}

// empty reports whether v is what omitempty omits. A struct is if all its
// fields would be left out, an array if it has no length.
func (p *plan) empty(v reflect.Value) bool {
	switch p.op {
	case opStruct:
		return p.present(v) == 0
	case opString, opArray, opByteArray, opSlice, opBytes, opStrings, opMap, opStringMap:
		return v.Len() == 0
	case opFloat32, opFloat64:
		return v.Float() == 0 // so is the negative one
	}
	return v.IsZero()
}

// decode takes the object at c into v, which can be set. It is false if the
// object does not fit, and c then stands at or behind it.
func (p *plan) decode(c *cursor, v reflect.Value) bool {
	switch p.op {
	case opBool:
		x, ok := c.bool()
		v.SetBool(x)
		return ok
	case opInt:
		x, ok := c.integer()
		v.SetInt(int64(x))
		return ok
	case opUint:
		x, ok := c.integer()
		v.SetUint(x)
		return ok
	case opFloat32:
		x, ok := c.float32()
		v.SetFloat(float64(x))
		return ok
	case opFloat64:
		x, ok := c.float64()
		v.SetFloat(x)
		return ok
	case opString:
		body, _, ok := c.body()
		if ok && v.String() != string(body) {
			v.SetString(string(body))
		}
		return ok
	case opBytes:
		b := v.Bytes()
		ok := c.bytes(&b)
		v.SetBytes(b)
		return ok
	case opStruct:
		return p.decodeStruct(c, v)
	}
	return p.decodeOther(c, v)
}

// decodeOther is decode for what is rarer, and would slow it down.
func (p *plan) decodeOther(c *cursor, v reflect.Value) bool {
	switch p.op {
	case opByteArray:
		body, _, ok := c.body()
		if !ok || len(body) > v.Len() {
			return false
		}
		copy(v.Bytes(), body)
		return true
	case opStrings:
		return c.strings(known[[]string](v))
	case opSlice:
		return p.decodeSlice(c, v)
	case opArray:
		n, _, ok := c.count(array)
		return ok && n <= v.Len() && p.decodeElements(c, v, n)
	case opStringMap:
		return c.stringMap(known[map[string]string](v))
	case opMap:
		return p.decodeMap(c, v)
	}
	return p.decodePointer(c, v)
}

func (p *plan) decodePointer(c *cursor, v reflect.Value) bool {
	if c.null() {
		v.SetZero()
		return true
	}
	if v.IsNil() {
		v.Set(reflect.New(p.elem.typ))
	}
	return p.elem.decode(c, v.Elem())
}

// decodeSlice keeps what lies in the slice's memory for the elements to be
// decoded into.
func (p *plan) decodeSlice(c *cursor, v reflect.Value) bool {
	n, null, ok := c.count(array)
	switch {
	case !ok:
		return false
	case null:
		v.SetZero()
		return true
	case v.IsNil() || n > v.Cap():
		room := reflect.MakeSlice(p.typ, n, n)
		reflect.Copy(room, v.Slice(0, v.Cap()))
		v.Set(room)
	default:
		v.SetLen(n)
	}
	return p.decodeElements(c, v, n)
}

func (p *plan) decodeElements(c *cursor, v reflect.Value, n int) bool {
	for i := range n {
		if !p.elem.decode(c, v.Index(i)) {
			return false
		}
	}
	return true
}

func (p *plan) decodeMap(c *cursor, v reflect.Value) bool {
	n, null, ok := c.count(dict)
	switch {
	case !ok:
		return false
	case null:
		v.SetZero()
		return true
	case v.IsNil():
		v.Set(reflect.MakeMapWithSize(p.typ, n))
	}
	if n == 0 {
		return true
	}
	key, elem := reflect.New(p.typ.Key()).Elem(), reflect.New(p.typ.Elem()).Elem()
	for range n {
		body, _, ok := c.body()
		if !ok {
			return false
		}
		key.SetString(string(body))
		elem.SetZero() // and not what the entry before it points to
		if !p.elem.decode(c, elem) {
			return false
		}
		v.SetMapIndex(key, elem)
	}
	return true
}

func (p *plan) decodeStruct(c *cursor, v reflect.Value) bool {
	n := int(c.b[c.i] & 0x0f)
	if c.b[c.i]&0xf0 == fixMap {
		c.i++
	} else {
		if c.b[c.i] != map16 && c.b[c.i] != map32 {
			return p.decodeTuple(c, v)
		}
		n, _, _ = c.count(dict)
	}
	next := 0 // fields mostly come in order
	for range n {
		var f *field
		if next < len(p.fields) && c.take(p.fields[next].key) {
			f = &p.fields[next]
			next++
		} else {
			name, _, ok := c.body()
			if !ok {
				return false
			}
			if f, next = p.find(name, next); f == nil {
				c.skip()
				continue
			}
		}
		if !f.plan.decode(c, f.of(v)) {
			return false
		}
	}
	return true
}

// decodeTuple takes a struct that is an array, or nil.
func (p *plan) decodeTuple(c *cursor, v reflect.Value) bool {
	n, _, ok := c.count(array)
	switch {
	case !ok:
		return false
	case n == 0:
		v.SetZero()
		return true
	case n != len(p.fields):
		return false
	}
	for i := range p.fields {
		f := &p.fields[i]
		if !f.plan.decode(c, f.of(v)) {
			return false
		}
	}
	return true
}

// fewFields is how many are looked for one by one.
const fewFields = 8

// find returns the field of a name, or nil, and the number of the field behind
// it, which is next if it has none.
func (p *plan) find(name []byte, next int) (*field, int) {
	if p.index != nil {
		k, ok := p.index[string(name)]
		if !ok {
			return nil, next
		}
		if k >= 0 {
			return &p.fields[k], k + 1
		}
	} else {
		for k := range p.fields {
			if p.fields[k].name == string(name) {
				return &p.fields[k], k + 1
			}
		}
	}
	for k := range p.embedded {
		if p.embedded[k].name == string(name) {
			return &p.embedded[k], next
		}
	}
	return nil, next
}
