package codec

import (
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"time"
	"unicode/utf8"
)

// A plan is how values of one type are encoded and decoded, found out once. A
// planner makes it.
type plan struct {
	enc, dec op
	typ      reflect.Type
	elem     *plan // of a pointer, a slice, an array, a map
	key      *plan // of a map
	m        *Msgpack

	spare uint8         // of an integer: how many of 64 bits it has not
	size  int           // of a target, an element, an entry in a map, in bytes
	none  reflect.Value // of a slice: one without elements

	only func(ptr any) any // of a type that v5 encodes: what it is to see of a value; nil: all

	fields    []field        // of a struct, in the order of the wire
	extra     []field        // more names that a decoder takes: aliases, and embedded structs by their own names
	index     map[string]int // fields by name, where they are many; -1 for what is extra
	asArray   bool
	odd       bool // v5 must not encode it
	omitEmpty bool // there are fields that may be left out
}

// A field is a field of a struct, or of one embedded in it.
type field struct {
	name      string
	key       string // the name, encoded
	at        int    // where it is in the struct, or what it is embedded in
	path      []int  // from there on, if it is embedded
	through   bool   // the path leads through a pointer, which may be nil
	plan      *plan
	omitEmpty bool
	isZero    bool // the type has a method of that name
}

// of finds the field in a struct. It is false if an embedded pointer to it is
// nil.
func (f *field) of(v reflect.Value) (reflect.Value, bool) {
	v = v.Field(f.at)
	if len(f.path) == 0 {
		return v, true
	}
	return f.follow(v)
}

func (f *field) follow(v reflect.Value) (reflect.Value, bool) {
	for _, i := range f.path {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v, true
}

// reach is of for a decoder: it fills embedded pointers that are nil. It is
// false where that would take too much memory.
func (f *field) reach(c *cursor, v reflect.Value) (reflect.Value, bool) {
	if !f.through {
		return f.of(v)
	}
	v = v.Field(f.at)
	for _, i := range f.path {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				if !c.charge(allocation(v.Type().Elem())) {
					return v, false
				}
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v, true
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
	opStruct
	opByteArray
	opStrings
	opSlice
	opArray
	opStringMap
	opMap
	opPointer
	opAny
	opAnys
	opAnyMap
	opError
	opErrorText // an error that has nothing but its text
	opTime
	opRaw
	opExt
	opMsg    // by MarshalMsg or UnmarshalMsg
	opV5     // by msgpack/v5, which has code of the type's own
	opRefuse // a type that encodes itself and cannot decode itself
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

// known returns the address of v, or of a copy where it has none. Its type is T,
// but for the name.
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

// appendKey appends a string as the key of a map: as bin, where it is not
// UTF-8, for such a key came as bin.
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

// decode takes the object at c into v, which can be set. It is false if the
// object does not fit, and c then stands at or behind it.
func (p *plan) decode(c *cursor, v reflect.Value) bool {
	switch p.dec {
	case opBool:
		x, ok := c.bool()
		v.SetBool(x)
		return ok
	case opInt:
		x, negative, ok := c.integer()
		if i := int64(x) << p.spare >> p.spare; i != int64(x) || i < 0 != negative {
			ok = ok && c.cuts()
		}
		v.SetInt(int64(x))
		return ok
	case opUint:
		x, negative, ok := c.integer()
		if negative || x<<p.spare>>p.spare != x {
			ok = ok && c.cuts()
		}
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
			if ok = c.charge(stringSize(len(body))); ok {
				v.SetString(string(body))
			}
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
	switch p.dec {
	case opByteArray:
		return decodeByteArray(c, v.Bytes())
	case opStrings:
		return c.strings(known[[]string](v))
	case opSlice:
		return p.decodeSlice(c, v)
	case opArray:
		return p.decodeArray(c, v)
	case opStringMap:
		return c.stringMap(known[map[string]string](v))
	case opMap:
		return p.decodeMap(c, v)
	case opPointer:
		return p.decodePointer(c, v)
	case opAny:
		x, ok := c.value()
		if ok {
			*known[any](v) = x
		}
		return ok
	case opAnys:
		return decodeAs(c, known[[]any](v))
	case opAnyMap:
		return decodeAs(c, known[map[string]any](v))
	case opError:
		return c.error(known[error](v))
	case opTime:
		return c.time(known[time.Time](v))
	case opRaw:
		return c.raw(known[Raw](v))
	case opExt:
		return c.ext(known[Ext](v))
	case opMsg:
		return c.own(func(b []byte) error { return unmarshal(b, v.Addr().Interface().(Unmarshaler)) })
	case opV5:
		if v.Kind() == reflect.Pointer && v.IsNil() && c.b[c.i] != codeNil && !c.charge(p.size) {
			return false
		}
		forget(v, nil)
		return c.own(func(b []byte) error { return p.m.decode(b, v, c) })
	}
	return c.fail(errOneWay)
}

func (p *plan) decodePointer(c *cursor, v reflect.Value) bool {
	if c.null() {
		v.SetZero()
		return true
	}
	if v.IsNil() {
		if !c.charge(p.size) {
			return false
		}
		v.Set(reflect.New(p.elem.typ))
	}
	return p.elem.decode(c, v.Elem())
}

// decodeSlice decodes into the elements that are there, and clears those that
// lie between the slice's length and its capacity: they may be what is left of
// an earlier packet.
func (p *plan) decodeSlice(c *cursor, v reflect.Value) bool {
	n, null, ok := c.count(array)
	if !ok {
		return false
	}
	if null {
		v.SetZero()
		return true
	}
	if n == 0 && v.IsNil() {
		v.Set(p.none)
		return true
	}
	had := v.Len()
	if v.Cap() == 0 {
		had = n // all there will be is zero
	}
	if n > v.Cap() {
		if !c.charge(arraySize(max(n, 2*v.Cap()), p.size)) {
			return false
		}
		v.Grow(n - v.Len())
	}
	v.SetLen(n)
	for i := range n {
		elem := v.Index(i)
		if i >= had {
			elem.SetZero()
		}
		if !p.elem.decode(c, elem) {
			return false
		}
	}
	return true
}

// decodeArray clears the elements that the payload has not.
func (p *plan) decodeArray(c *cursor, v reflect.Value) bool {
	n, _, ok := c.count(array)
	if !ok || n > v.Len() {
		return false
	}
	for i := range n {
		if !p.elem.decode(c, v.Index(i)) {
			return false
		}
	}
	for i := n; i < v.Len(); i++ {
		v.Index(i).SetZero()
	}
	return true
}

func decodeByteArray(c *cursor, v []byte) bool {
	body, _, ok := c.body()
	if !ok || len(body) > len(v) {
		return false
	}
	clear(v[copy(v, body):])
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
	case !c.charge(mapSize(n, p.size)):
		return false
	case v.IsNil():
		v.Set(reflect.MakeMapWithSize(p.typ, n))
	}
	if n == 0 {
		return true
	}
	room, outside := entrySize(p.typ)
	if !c.charge(room) {
		return false
	}
	key, elem := reflect.New(p.typ.Key()).Elem(), reflect.New(p.typ.Elem()).Elem()
	for range n {
		if !c.charge(outside) {
			return false
		}
		key.SetZero()
		elem.SetZero() // and not what the entry before it points to
		if !p.key.decodeKey(c, key) || !p.elem.decode(c, elem) {
			return false
		}
		v.SetMapIndex(key, elem)
	}
	return true
}

func (p *plan) decodeKey(c *cursor, v reflect.Value) bool {
	if p.dec == opAny && c.atText() { // bytes cannot be a key
		s, ok := c.text()
		v.Set(reflect.ValueOf(s))
		return ok
	}
	return p.decode(c, v)
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
		v, ok := f.reach(c, v)
		if !ok || !f.plan.decode(c, v) {
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
		v, ok := f.reach(c, v)
		if !ok || !f.plan.decode(c, v) {
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
	for k := range p.extra {
		if p.extra[k].name == string(name) {
			return &p.extra[k], next
		}
	}
	return nil, next
}

func appendFloat32(dst []byte, v float32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, float32_), math.Float32bits(v))
}
