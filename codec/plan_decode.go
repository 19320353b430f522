package codec

// Decoding by a plan: it takes a value from a payload that has been checked, and
// charges to the budget what it allocates.

import (
	"reflect"
	"time"
)

// decode takes the object at c into v, which can be set. It is false if the
// object does not fit, and c then stands at or after it.
func (p *plan) decode(c *cursor, v reflect.Value) bool {
	switch p.dec {
	case opBool:
		x, ok := c.bool()
		v.SetBool(x)
		return ok
	case opInt:
		x, negative, ok := c.integer()
		if i := int64(x) << p.spare >> p.spare; i != int64(x) || i < 0 != negative {
			ok = ok && c.cutOrFail()
		}
		v.SetInt(int64(x))
		return ok
	case opUint:
		x, negative, ok := c.integer()
		if negative || x<<p.spare>>p.spare != x {
			ok = ok && c.cutOrFail()
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

// find returns the field of a name, or nil, and the number of the field after
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
