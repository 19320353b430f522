package codec

import (
	"encoding/binary"
	"math"
)

// What a plan takes from a cursor. As in msgpack/v5, nil is the zero value of
// everything, and text and bytes stand for each other. Where the object is of
// another kind, ok is false and the cursor stays.

// take moves over the bytes of s, if they are next.
func (c *cursor) take(s string) bool {
	if len(c.b)-c.i < len(s) || string(c.b[c.i:c.i+len(s)]) != s {
		return false
	}
	c.i += len(s)
	return true
}

// null moves over a nil, if one is next.
func (c *cursor) null() bool {
	if c.b[c.i] != codeNil {
		return false
	}
	c.i++
	return true
}

func (c *cursor) bool() (v, ok bool) {
	switch c.b[c.i] {
	case codeYes:
		v = true
	case codeNo, codeNil:
	default:
		return false, false
	}
	c.i++
	return v, true
}

// integer is an integer of any kind, in two's complement.
func (c *cursor) integer() (v uint64, ok bool) {
	code := c.b[c.i]
	if code < fixMap || code >= negFix {
		c.i++
		return uint64(int8(code)), true
	}
	return c.wide()
}

// wide is an integer that has bytes behind its code, or nil.
func (c *cursor) wide() (v uint64, ok bool) {
	b := c.b[c.i:]
	switch b[0] {
	case uint64_, int64_:
		c.i += 9
		return binary.BigEndian.Uint64(b[1:]), true
	case uint32_:
		c.i += 5
		return uint64(binary.BigEndian.Uint32(b[1:])), true
	case uint16_:
		c.i += 3
		return uint64(binary.BigEndian.Uint16(b[1:])), true
	case uint8_:
		c.i += 2
		return uint64(b[1]), true
	case int8_:
		c.i += 2
		return uint64(int8(b[1])), true
	case int16_:
		c.i += 3
		return uint64(int16(binary.BigEndian.Uint16(b[1:]))), true
	case int32_:
		c.i += 5
		return uint64(int32(binary.BigEndian.Uint32(b[1:]))), true
	case codeNil:
		c.i++
		return 0, true
	}
	return 0, false
}

// float32 takes no float of 64 bits: v5 does not either.
func (c *cursor) float32() (v float32, ok bool) {
	if c.b[c.i] == float32_ {
		v = math.Float32frombits(binary.BigEndian.Uint32(c.b[c.i+1:]))
		c.i += 5
		return v, true
	}
	n, ok := c.integer()
	return float32(int64(n)), ok
}

func (c *cursor) float64() (v float64, ok bool) {
	if code := c.b[c.i]; code == float32_ || code == float64_ {
		v = floatAt(c.b[c.i:])
		c.i += scalarSize(code)
		return v, true
	}
	n, ok := c.integer()
	return float64(int64(n)), ok
}

// body is what is in a str or a bin; it shares the payload's bytes. Of nil, it
// is nil.
func (c *cursor) body() (body []byte, null, ok bool) {
	code := c.b[c.i]
	if code&0xe0 == fixStr {
		i := c.i + 1
		c.i = i + int(code&0x1f)
		return c.b[i:c.i], false, true
	}
	if code == codeNil {
		c.i++
		return nil, true, true
	}
	if !c.atText() {
		return nil, false, false
	}
	_, n, size := header(c.b[c.i:])
	i := c.i + size
	c.i = i + int(n)
	return c.b[i:c.i], false, true
}

// string leaves a string that is equal already where it is.
func (c *cursor) string(v *string) bool {
	body, _, ok := c.body()
	if ok && *v != string(body) {
		*v = string(body)
	}
	return ok
}

// bytes takes the memory of *v if it is large enough.
func (c *cursor) bytes(v *[]byte) bool {
	body, null, ok := c.body()
	switch {
	case !ok:
	case null:
		*v = nil
	case *v == nil || len(body) > cap(*v):
		*v = clone(body)
	default:
		*v = append((*v)[:0], body...)
	}
	return ok
}

// count takes the head of an array or a map, or nil, and returns how many
// elements or pairs follow.
func (c *cursor) count(want kind) (n int, null, ok bool) {
	if c.null() {
		return 0, true, true
	}
	k, count, size := header(c.b[c.i:])
	if k != want {
		return 0, false, false
	}
	c.i += size
	return int(count), false, true
}

// strings leaves *v as it is where there is nil, as v5 does with this type
// alone.
func (c *cursor) strings(v *[]string) bool {
	n, null, ok := c.count(array)
	if !ok || null {
		return ok
	}
	s := *v
	if s == nil || n > cap(s) {
		s = make([]string, n)
	}
	s = s[:n]
	for i := range s {
		if !c.string(&s[i]) {
			return false
		}
	}
	*v = s
	return true
}

func (c *cursor) stringMap(v *map[string]string) bool {
	n, null, ok := c.count(dict)
	switch {
	case !ok:
		return false
	case null:
		*v = nil
		return true
	case *v == nil:
		*v = make(map[string]string, n)
	}
	for range n {
		var key, elem string
		if !c.string(&key) || !c.string(&elem) {
			return false
		}
		(*v)[key] = elem
	}
	return true
}

// skip moves over one object of any kind.
func (c *cursor) skip() {
	for left := 1; left > 0; left-- {
		if size := scalarSize(c.b[c.i]); size > 0 {
			c.i += size
			continue
		}
		k, n, size := header(c.b[c.i:])
		c.i += size
		switch k {
		case array:
			left += int(n)
		case dict:
			left += 2 * int(n)
		default:
			c.i += int(n)
		}
	}
}
