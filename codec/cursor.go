package codec

// The cursor: what a plan takes from a payload that has been checked.

import (
	"encoding/binary"
	"errors"
	"math"
	"time"
)

// A cursor decodes the objects at b[i:], one after the other. All of b has
// passed a walk: what it says of sizes is true, and recursion is as deep as the
// walk allowed.
type cursor struct {
	b    []byte
	i    int
	left int   // of the budget, in bytes; see allocation_cost.go
	cut  bool  // Limits.CutIntegers
	keys *keys // may be nil

	// v5 decodes the exts within an any for which a program has registered a
	// type. If it is nil, all of them become an Ext.
	v5 *Msgpack

	depth, elements int // of the walk

	fault error // why an object did not fit; nil where that is its kind
}

// What a plan takes from a cursor. As in msgpack/v5, nil is the zero value of
// everything, and text and bytes stand for each other. Where the object is of
// another kind, ok is false and the cursor stays.

// fail notes why an object does not fit, where that is not its kind.
func (c *cursor) fail(err error) bool {
	if c.fault == nil {
		c.fault = err
	}
	return false
}

// charge takes n bytes from the budget before they are allocated.
func (c *cursor) charge(n int) bool {
	c.left -= n
	return c.left >= 0 || c.fail(ErrBudget)
}

// cutOrFail is true if an integer that does not fit its type may be cut. If not,
// it notes ErrRange.
func (c *cursor) cutOrFail() bool { return c.cut || c.fail(ErrRange) }

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
func (c *cursor) integer() (v uint64, negative, ok bool) {
	code := c.b[c.i]
	if code < fixMap || code >= negFix {
		c.i++
		return uint64(int8(code)), code >= negFix, true
	}
	return c.wide()
}

// wide is an integer that has bytes after its code, or nil.
func (c *cursor) wide() (v uint64, negative, ok bool) {
	code := c.b[c.i]
	switch {
	case integer(code):
		v, negative = integerAt(c.b[c.i:])
		c.i += scalarSize(code)
		return v, negative, true
	case code == codeNil:
		c.i++
		return 0, false, true
	}
	return 0, false, false
}

// float32 rounds a float of 64 bits, which is all that Python has, and refuses
// one that is too large.
func (c *cursor) float32() (v float32, ok bool) {
	if c.b[c.i] == float32_ {
		v = math.Float32frombits(binary.BigEndian.Uint32(c.b[c.i+1:]))
		c.i += 5
		return v, true
	}
	wide, ok := c.float64()
	v = float32(wide)
	if math.IsInf(float64(v), 0) && !math.IsInf(wide, 0) {
		return v, c.fail(ErrRange)
	}
	return v, ok
}

func (c *cursor) float64() (v float64, ok bool) {
	if code := c.b[c.i]; code == float32_ || code == float64_ {
		v = floatAt(c.b[c.i:])
		c.i += scalarSize(code)
		return v, true
	}
	n, negative, ok := c.integer()
	if negative {
		return float64(int64(n)), ok
	}
	return float64(n), ok
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

func (c *cursor) string(v *string) bool {
	body, _, ok := c.body()
	if ok && *v != string(body) { // an equal one stays where it is
		if ok = c.charge(stringSize(len(body))); ok {
			*v = string(body)
		}
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
		if ok = c.charge(heapSize(len(body))); ok {
			*v = clone(body)
		}
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

func (c *cursor) strings(v *[]string) bool {
	n, null, ok := c.count(array)
	switch {
	case !ok:
		return false
	case null:
		*v = nil
		return true
	}
	s := *v
	if s == nil || n > cap(s) {
		if !c.charge(arraySize(n, stringHeader)) {
			return false
		}
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
	case !c.charge(mapSize(n, 2*stringHeader)):
		return false
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

// error takes the text of an error.
func (c *cursor) error(v *error) bool {
	body, null, ok := c.body()
	switch {
	case !ok:
		return false
	case null:
		*v = nil
		return true
	case !c.charge(stringSize(len(body)) + heapSize(stringHeader)):
		return false
	}
	*v = errors.New(string(body))
	return true
}

func (c *cursor) time(v *time.Time) bool {
	if c.null() {
		*v = time.Time{}
		return true
	}
	k, n, size := header(c.b[c.i:])
	if k != ext || int8(c.b[c.i+size-1]) != timestamp {
		return false
	}
	c.i += size + int(n)
	*v = timeOf(c.b[c.i-int(n) : c.i])
	return true
}

func (c *cursor) raw(v *Raw) bool {
	if c.null() {
		*v = nil
		return true
	}
	start := c.i
	c.skip()
	if !c.charge(heapSize(c.i - start)) {
		return false
	}
	*v = clone(c.b[start:c.i])
	return true
}

func (c *cursor) ext(v *Ext) bool {
	if c.null() {
		*v = Ext{}
		return true
	}
	k, n, size := header(c.b[c.i:])
	if k != ext {
		return false
	}
	if !c.charge(heapSize(int(n))) {
		return false
	}
	c.i += size + int(n)
	*v = Ext{Type: int8(c.b[c.i-int(n)-1]), Data: clone(c.b[c.i-int(n) : c.i])}
	return true
}

// own gives one object to decode, which belongs to a type. The object is
// charged once, for what such code copies of it.
func (c *cursor) own(decode func([]byte) error) bool {
	start := c.i
	c.skip()
	if !c.charge(heapSize(c.i - start)) {
		return false
	}
	if err := decode(c.b[start:c.i:c.i]); err != nil {
		c.i = start
		return c.fail(err)
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
