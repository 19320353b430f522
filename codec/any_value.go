package codec

// Values of type any: those of the types that DecodeAny yields are encoded and
// decoded here, without a plan. Everything else goes to the plan of its type.

import (
	"encoding/binary"
	"math"
	"time"
	"unicode/utf8"
)

// append appends v, which lies in depth arrays and maps. The types that
// DecodeAny yields, and all plain numbers, are encoded here; it saves them the
// detour over an encoder from the pool.
func (m *Msgpack) append(dst []byte, v any, depth int) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return AppendNil(dst), nil
	case bool:
		return AppendBool(dst, v), nil
	case int:
		return AppendInt(dst, int64(v)), nil
	case int8:
		return AppendInt(dst, int64(v)), nil
	case int16:
		return AppendInt(dst, int64(v)), nil
	case int32:
		return AppendInt(dst, int64(v)), nil
	case int64:
		return AppendInt(dst, v), nil
	case uint:
		return AppendUint(dst, uint64(v)), nil
	case uint8:
		return AppendUint(dst, uint64(v)), nil
	case uint16:
		return AppendUint(dst, uint64(v)), nil
	case uint32:
		return AppendUint(dst, uint64(v)), nil
	case uint64:
		return AppendUint(dst, v), nil
	case float32:
		return appendFloat32(dst, v), nil
	case float64:
		return AppendFloat(dst, v), nil
	case string:
		return appendText(dst, v)
	case []byte:
		if v == nil {
			return AppendNil(dst), nil
		}
		return AppendBytes(dst, v), nil
	case []any:
		return m.appendArray(dst, v, depth+1)
	case map[string]any:
		return m.appendMap(dst, v, depth+1)
	case map[any]any:
		return m.appendMixedMap(dst, v, depth+1)
	case Raw:
		return v.appendTo(dst, depth)
	case Ext:
		return v.appendTo(dst)
	}
	return m.types.of(m, v).append(dst, v, depth)
}

func appendText(dst []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return dst, encodeError(s, ErrUTF8)
	}
	return AppendString(dst, s), nil
}

func (m *Msgpack) appendArray(dst []byte, v []any, depth int) (_ []byte, err error) {
	if v == nil {
		return AppendNil(dst), nil
	}
	if depth > maxDepth {
		return dst, encodeError(v, ErrDepth)
	}
	dst = AppendArrayHeader(dst, len(v))
	for _, e := range v {
		if dst, err = m.append(dst, e, depth); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func (m *Msgpack) appendMap(dst []byte, v map[string]any, depth int) (_ []byte, err error) {
	if v == nil {
		return AppendNil(dst), nil
	}
	if depth > maxDepth {
		return dst, encodeError(v, ErrDepth)
	}
	dst = AppendMapHeader(dst, len(v))
	for k, e := range v {
		if dst, err = m.append(appendKey(dst, k), e, depth); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func (m *Msgpack) appendMixedMap(dst []byte, v map[any]any, depth int) (_ []byte, err error) {
	if v == nil {
		return AppendNil(dst), nil
	}
	if depth > maxDepth {
		return dst, encodeError(v, ErrDepth)
	}
	dst = AppendMapHeader(dst, len(v))
	for k, e := range v {
		if dst, err = m.appendAnyKey(dst, k, depth); err != nil {
			return dst, err
		}
		if dst, err = m.append(dst, e, depth); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func (m *Msgpack) appendAnyKey(dst []byte, k any, depth int) ([]byte, error) {
	if s, ok := k.(string); ok {
		return appendKey(dst, s), nil
	}
	start := len(dst)
	dst, err := m.append(dst, k, depth)
	if err == nil && isContainer(dst[start:]) {
		err = encodeError(k, ErrMapKey)
	}
	return dst, err
}

// decodeAs takes the object at c into *v, of a type that DecodeAny may yield.
func decodeAs[T any](c *cursor, v *T) bool {
	start := c.i
	x, ok := c.value()
	if !ok {
		return false
	}
	if x == nil {
		*v = *new(T)
		return true
	}
	if *v, ok = x.(T); !ok {
		c.i = start
	}
	return ok
}

// What a value takes that lies in an interface, in bytes.
const (
	wordBox   = 8
	stringBox = 16
	sliceBox  = 24
	timeBox   = 24
	extBox    = 32
	anySize   = 16
)

// value is the object at c as DecodeAny makes it. It is false where that would
// take too much memory.
func (c *cursor) value() (any, bool) {
	code := c.b[c.i]
	switch {
	case code < fixMap:
		c.i++
		return int64(code), true
	case code < fixArray:
		c.i++
		return c.dict(int(code & 0x0f))
	case code&0xe0 == fixStr:
		body, _, _ := c.body()
		if !c.charge(stringSize(len(body)) + stringBox) {
			return nil, false
		}
		return string(body), true
	}
	if size := scalarSize(code); size > 0 {
		if (size > 1 || code >= negFix) && !c.charge(wordBox) {
			return nil, false
		}
		c.i += size
		return scalarAt(c.b[c.i-size:]), true
	}
	start := c.i
	k, n, size := header(c.b[c.i:])
	c.i += size
	switch k {
	case array:
		return c.array(int(n))
	case dict:
		return c.dict(int(n))
	}
	body := c.b[c.i : c.i+int(n)]
	c.i += int(n)
	switch k {
	case text:
		if !c.charge(stringSize(len(body)) + stringBox) {
			return nil, false
		}
		return string(body), true
	case blob:
		if !c.charge(heapSize(len(body)) + sliceBox) {
			return nil, false
		}
		return clone(body), true
	}
	return c.extValue(start, body)
}

// array takes n elements.
func (c *cursor) array(n int) (any, bool) {
	if !c.charge(arraySize(n, anySize)) || !c.charge(sliceBox) {
		return nil, false
	}
	a := make([]any, n)
	for k := range a {
		var ok bool
		if a[k], ok = c.value(); !ok {
			return nil, false
		}
	}
	return a, true
}

// dict takes n pairs. The first keys decide: as long as they are text, the map
// is the one that is cheap to use.
func (c *cursor) dict(n int) (any, bool) {
	if n > 0 && !c.atText() {
		return c.mixed(nil, n, n)
	}
	if !c.charge(mapSize(n, stringHeader+anySize)) {
		return nil, false
	}
	m := make(map[string]any, n)
	for left := n; left > 0; left-- {
		if !c.atText() {
			return c.mixed(m, n, left)
		}
		key, ok := c.text()
		if !ok {
			return nil, false
		}
		if m[key], ok = c.value(); !ok {
			return nil, false
		}
	}
	return m, true
}

// mixed takes the last left of n pairs; the others are in m.
func (c *cursor) mixed(m map[string]any, n, left int) (any, bool) {
	if !c.charge(mapSize(n, 2*anySize) + len(m)*stringBox) {
		return nil, false
	}
	all := make(map[any]any, n)
	for k, v := range m {
		all[k] = v
	}
	for range left {
		var key any
		var ok bool
		if c.atText() {
			key, ok = c.text()
			ok = ok && c.charge(stringBox)
		} else {
			key, ok = c.value()
		}
		if !ok {
			return nil, false
		}
		if all[key], ok = c.value(); !ok {
			return nil, false
		}
	}
	return all, true
}

func (c *cursor) atText() bool {
	code := c.b[c.i]
	return code&0xe0 == fixStr || bin8 <= code && code <= bin32 || str8 <= code && code <= str32
}

// text takes a key that is a str or a bin.
func (c *cursor) text() (string, bool) {
	body, _, _ := c.body()
	return c.keys.text(body), c.charge(stringSize(len(body)))
}

// scalarAt is the object of plain size at the front of b.
func scalarAt(b []byte) any {
	switch b[0] {
	case codeNil:
		return nil
	case codeNo:
		return false
	case codeYes:
		return true
	case float32_, float64_:
		return floatAt(b)
	}
	v, negative := integerAt(b)
	if v > math.MaxInt64 && !negative {
		return v
	}
	return int64(v)
}

// extValue is the ext at start with this data.
func (c *cursor) extValue(start int, data []byte) (any, bool) {
	typ := int8(c.b[c.i-len(data)-1])
	if typ == timestamp {
		return timeOf(data), c.charge(timeBox)
	}
	if !c.charge(heapSize(len(data)) + extBox) {
		return nil, false
	}
	if c.v5 != nil && c.v5.exts.mayBe(typ) {
		x, known, err := c.v5.decodeExt(c.b[start:c.i], typ, c)
		if known {
			return x, (err == nil || c.fail(err)) && c.charge(targetSize(x))
		}
	}
	return Ext{Type: typ, Data: clone(data)}, true
}

// clone copies p into no more than it takes. The result is not nil.
func clone(p []byte) []byte {
	c := make([]byte, len(p))
	copy(c, p)
	return c
}

// timeOf is the time in a timestamp of 4, 8 or 12 bytes.
func timeOf(data []byte) time.Time {
	var sec, nsec int64
	switch len(data) {
	case 4:
		sec = int64(binary.BigEndian.Uint32(data))
	case 8:
		v := binary.BigEndian.Uint64(data)
		sec, nsec = int64(v&(1<<34-1)), int64(v>>34)
	default:
		sec, nsec = int64(binary.BigEndian.Uint64(data[4:])), int64(binary.BigEndian.Uint32(data))
	}
	t := time.Unix(sec, nsec)
	if t.IsZero() {
		return t.UTC() // the zero value, which has no zone
	}
	return t
}

// appendTime appends a timestamp in its shortest form.
func appendTime(dst []byte, t time.Time) []byte {
	sec, nsec := uint64(t.Unix()), uint64(t.Nanosecond())
	switch {
	case sec>>34 != 0:
		dst = binary.BigEndian.AppendUint32(append(dst, ext8, 12, 0xff), uint32(nsec))
		return binary.BigEndian.AppendUint64(dst, sec)
	case nsec != 0 || sec>>32 != 0:
		return binary.BigEndian.AppendUint64(append(dst, fixExt8, 0xff), nsec<<34|sec)
	}
	return binary.BigEndian.AppendUint32(append(dst, fixExt4, 0xff), uint32(sec))
}
