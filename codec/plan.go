package codec

import (
	"encoding/binary"
	"math"
	"reflect"
	"unicode/utf8"
	"unsafe"
)

// A plan is how values of one type are encoded and decoded, found out once: the
// bytes and the values are those of msgpack/v5, which finds it out for each
// value anew.
//
// A value is reached by its address, for which reflect.Value would take about
// as long as the rest of the work. All use of unsafe is in this file, and it
// rests on this:
//
//   - An address comes out of an interface that holds a value or a pointer of
//     just the type that the plan was made for, or from such an address by way
//     of the type's own layout: offsets of fields, sizes of elements within
//     the length that reflect or the slice itself tells. It never leaves the
//     object that it points into.
//   - Memory is read and written as the kind of Go type that it is, so the
//     garbage collector sees every pointer that is stored.
//   - Nothing points into the payload when a decoding returns: text and bytes
//     are copied.
type plan struct {
	op   op
	typ  reflect.Type
	elem *plan   // of a pointer, a slice, an array, a map
	step uintptr // from one element to the next
	len  int     // of an array

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
	offset    uintptr
	plan      *plan
	omitEmpty bool
}

// An op is what a plan does.
type op uint8

const (
	opBool op = iota
	opInt8
	opInt16
	opInt32
	opInt64
	opUint8
	opUint16
	opUint32
	opUint64
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

// An eface is how an any lies in memory. The data is the value itself if that
// is a pointer or a map, else it points to the value.
type eface struct{ typ, data unsafe.Pointer }

func wordsOf(v *any) eface { return *(*eface)(unsafe.Pointer(v)) }

// appendTo appends v, whose type is that of p, or a pointer to it, and which
// lies in depth arrays and maps.
func (p *plan) appendTo(dst []byte, v any, depth int) ([]byte, error) {
	at := wordsOf(&v).data
	switch {
	case p.op == opPointer:
		if at == nil {
			return AppendNil(dst), nil
		}
		return p.elem.encode(dst, at, depth)
	case p.op == opMap || p.op == opStringMap || p.op >= opArray && p.typ.Size() == unsafe.Sizeof(at):
		return p.encodeCopy(dst, v, depth)
	}
	return p.encode(dst, at, depth)
}

// encodeCopy is for what may lie in an interface's own word, where it has no
// address: maps, and structs and arrays of a single pointer.
func (p *plan) encodeCopy(dst []byte, v any, depth int) ([]byte, error) {
	c := reflect.New(p.typ)
	c.Elem().Set(reflect.ValueOf(v))
	return p.encode(dst, c.UnsafePointer(), depth)
}

// decodeInto decodes b, which has passed a walk, into v, a pointer to a value of
// p's type. If b does not fit, it returns where the object is that does not.
func (p *plan) decodeInto(b []byte, v any) (end int, ok bool) {
	c := cursor{b: b}
	ok = p.decode(&c, wordsOf(&v).data)
	return c.i, ok
}

// encode appends the value at an address, which lies in depth arrays and maps.
func (p *plan) encode(dst []byte, at unsafe.Pointer, depth int) ([]byte, error) {
	switch p.op {
	case opBool:
		return AppendBool(dst, *(*bool)(at)), nil
	case opInt8:
		return AppendInt(dst, int64(*(*int8)(at))), nil
	case opInt16:
		return AppendInt(dst, int64(*(*int16)(at))), nil
	case opInt32:
		return AppendInt(dst, int64(*(*int32)(at))), nil
	case opInt64:
		return AppendInt(dst, *(*int64)(at)), nil
	case opUint8:
		return AppendUint(dst, uint64(*(*uint8)(at))), nil
	case opUint16:
		return AppendUint(dst, uint64(*(*uint16)(at))), nil
	case opUint32:
		return AppendUint(dst, uint64(*(*uint32)(at))), nil
	case opUint64:
		return AppendUint(dst, *(*uint64)(at)), nil
	case opFloat32:
		return binary.BigEndian.AppendUint32(append(dst, float32_), math.Float32bits(*(*float32)(at))), nil
	case opFloat64:
		return AppendFloat(dst, *(*float64)(at)), nil
	case opString:
		return appendValid(dst, *(*string)(at))
	case opBytes:
		if v := *(*[]byte)(at); v != nil {
			return AppendBytes(dst, v), nil
		}
		return AppendNil(dst), nil
	case opByteArray:
		return AppendBytes(dst, unsafe.Slice((*byte)(at), p.len)), nil
	case opStrings:
		return appendStrings(dst, *(*[]string)(at), depth+1)
	case opSlice:
		s := (*slice)(at)
		if s.data == nil {
			return AppendNil(dst), nil
		}
		return p.encodeElements(dst, s.data, s.len, depth+1)
	case opArray:
		return p.encodeElements(dst, at, p.len, depth+1)
	case opStringMap:
		return appendStringMap(dst, *(*map[string]string)(at), depth+1)
	case opMap:
		return p.encodeMap(dst, at, depth+1)
	case opPointer:
		if at = *(*unsafe.Pointer)(at); at == nil {
			return AppendNil(dst), nil
		}
		return p.elem.encode(dst, at, depth)
	}
	return p.encodeStruct(dst, at, depth+1)
}

// A slice is how a slice lies in memory.
type slice struct {
	data     unsafe.Pointer
	len, cap int
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

// encodeElements appends the array of the n elements from an address on.
func (p *plan) encodeElements(dst []byte, at unsafe.Pointer, n, depth int) (_ []byte, err error) {
	if depth > maxDepth {
		return dst, ErrDepth
	}
	dst = AppendArrayHeader(dst, n)
	for i := range n {
		if dst, err = p.elem.encode(dst, unsafe.Add(at, uintptr(i)*p.step), depth); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func (p *plan) encodeMap(dst []byte, at unsafe.Pointer, depth int) (_ []byte, err error) {
	v := reflect.NewAt(p.typ, at).Elem()
	if v.IsNil() {
		return AppendNil(dst), nil
	}
	if depth > maxDepth {
		return dst, ErrDepth
	}
	dst = AppendMapHeader(dst, v.Len())
	elem := reflect.New(p.typ.Elem())
	to := elem.Elem()
	for pairs := v.MapRange(); pairs.Next(); {
		if dst, err = appendValid(dst, pairs.Key().String()); err != nil {
			return dst, err
		}
		to.SetIterValue(pairs)
		if dst, err = p.elem.encode(dst, elem.UnsafePointer(), depth); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func (p *plan) encodeStruct(dst []byte, at unsafe.Pointer, depth int) (_ []byte, err error) {
	if depth > maxDepth {
		return dst, ErrDepth
	}
	switch {
	case p.asArray:
		dst = AppendArrayHeader(dst, len(p.fields))
	case p.omitEmpty:
		dst = AppendMapHeader(dst, p.present(at))
	default:
		dst = AppendMapHeader(dst, len(p.fields))
	}
	for i := range p.fields {
		f := &p.fields[i]
		at := unsafe.Add(at, f.offset)
		if !p.asArray {
			if f.omitEmpty && f.plan.empty(at) {
				continue
			}
			dst = append(dst, f.key...)
		}
		if dst, err = f.plan.encode(dst, at, depth); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// present counts the fields that are not left out of the struct at an address.
func (p *plan) present(at unsafe.Pointer) int {
	n := len(p.fields)
	for i := range p.fields {
		if f := &p.fields[i]; f.omitEmpty && f.plan.empty(unsafe.Add(at, f.offset)) {
			n--
		}
	}
	return n
}

// empty reports whether the value at an address is what omitempty omits. A
// struct is if all its fields would be left out, an array if it has no length.
func (p *plan) empty(at unsafe.Pointer) bool {
	switch p.op {
	case opStruct:
		return p.present(at) == 0
	case opArray, opByteArray:
		return p.len == 0
	case opSlice, opBytes, opStrings:
		return (*slice)(at).len == 0
	case opString:
		return *(*string)(at) == ""
	case opMap, opStringMap:
		return reflect.NewAt(p.typ, at).Elem().Len() == 0
	case opPointer:
		return *(*unsafe.Pointer)(at) == nil
	case opFloat32:
		return *(*float32)(at) == 0
	case opFloat64:
		return *(*float64)(at) == 0
	}
	return reflect.NewAt(p.typ, at).Elem().IsZero()
}

// decode takes the object at c into the value at an address. It is false if the
// object does not fit, and c then stands at or behind it.
func (p *plan) decode(c *cursor, at unsafe.Pointer) bool {
	switch p.op {
	case opBool:
		v, ok := c.bool()
		*(*bool)(at) = v
		return ok
	case opInt8, opUint8:
		v, ok := c.integer()
		*(*uint8)(at) = uint8(v)
		return ok
	case opInt16, opUint16:
		v, ok := c.integer()
		*(*uint16)(at) = uint16(v)
		return ok
	case opInt32, opUint32:
		v, ok := c.integer()
		*(*uint32)(at) = uint32(v)
		return ok
	case opInt64, opUint64:
		v, ok := c.integer()
		*(*uint64)(at) = v
		return ok
	case opFloat32:
		v, ok := c.float32()
		*(*float32)(at) = v
		return ok
	case opFloat64:
		v, ok := c.float64()
		*(*float64)(at) = v
		return ok
	case opString:
		return c.string((*string)(at))
	case opBytes:
		return c.bytes((*[]byte)(at))
	case opByteArray:
		body, _, ok := c.body()
		if !ok || len(body) > p.len {
			return false
		}
		copy(unsafe.Slice((*byte)(at), p.len), body)
		return true
	case opStrings:
		return c.strings((*[]string)(at))
	case opSlice:
		return p.decodeSlice(c, at)
	case opArray:
		n, null, ok := c.count(array)
		if !ok || n > p.len {
			return false
		}
		return null || p.decodeElements(c, at, n)
	case opStringMap:
		return c.stringMap((*map[string]string)(at))
	case opMap:
		return p.decodeMap(c, at)
	case opPointer:
		return p.decodePointer(c, (*unsafe.Pointer)(at))
	}
	return p.decodeStruct(c, at)
}

func (p *plan) decodePointer(c *cursor, at *unsafe.Pointer) bool {
	if c.null() {
		*at = nil
		return true
	}
	if *at == nil {
		*at = reflect.New(p.elem.typ).UnsafePointer()
	}
	return p.elem.decode(c, *at)
}

// decodeSlice keeps what lies in the slice's memory for the elements to be
// decoded into.
func (p *plan) decodeSlice(c *cursor, at unsafe.Pointer) bool {
	n, null, ok := c.count(array)
	if !ok {
		return false
	}
	s := (*slice)(at)
	switch {
	case null:
		*s = slice{}
		return true
	case s.data == nil || n > s.cap:
		v := reflect.NewAt(p.typ, at).Elem()
		room := reflect.MakeSlice(p.typ, n, n)
		if s.cap > 0 {
			v.SetLen(s.cap)
			reflect.Copy(room, v)
		}
		v.Set(room)
	default:
		s.len = n
	}
	return p.decodeElements(c, s.data, n)
}

func (p *plan) decodeElements(c *cursor, at unsafe.Pointer, n int) bool {
	for i := range n {
		if !p.elem.decode(c, unsafe.Add(at, uintptr(i)*p.step)) {
			return false
		}
	}
	return true
}

func (p *plan) decodeMap(c *cursor, at unsafe.Pointer) bool {
	n, null, ok := c.count(dict)
	if !ok {
		return false
	}
	v := reflect.NewAt(p.typ, at).Elem()
	switch {
	case null:
		v.SetZero()
		return true
	case v.IsNil():
		v.Set(reflect.MakeMapWithSize(p.typ, n))
	}
	if n == 0 {
		return true
	}
	key, elem := reflect.New(p.typ.Key()).Elem(), reflect.New(p.typ.Elem())
	to := elem.Elem()
	for range n {
		body, _, ok := c.body()
		if !ok {
			return false
		}
		key.SetString(string(body))
		to.SetZero() // and not what the entry before it points to
		if !p.elem.decode(c, elem.UnsafePointer()) {
			return false
		}
		v.SetMapIndex(key, to)
	}
	return true
}

func (p *plan) decodeStruct(c *cursor, at unsafe.Pointer) bool {
	n := int(c.b[c.i] & 0x0f)
	if c.b[c.i]&0xf0 == fixMap {
		c.i++
	} else {
		if c.b[c.i] != map16 && c.b[c.i] != map32 {
			return p.decodeTuple(c, at)
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
		if !f.plan.decode(c, unsafe.Add(at, f.offset)) {
			return false
		}
	}
	return true
}

// decodeTuple takes a struct that is an array, or nil.
func (p *plan) decodeTuple(c *cursor, at unsafe.Pointer) bool {
	n, _, ok := c.count(array)
	switch {
	case !ok:
		return false
	case n == 0:
		reflect.NewAt(p.typ, at).Elem().SetZero()
		return true
	case n != len(p.fields):
		return false
	}
	for i := range p.fields {
		f := &p.fields[i]
		if !f.plan.decode(c, unsafe.Add(at, f.offset)) {
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

// isNil reports whether v is a nil pointer.
func isNil(v any) bool { return wordsOf(&v).data == nil }
