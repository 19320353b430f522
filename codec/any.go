package codec

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
		return AppendFloat(dst, float64(v)), nil
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
		return v.appendTo(dst)
	case Ext:
		return v.appendTo(dst)
	case Marshaler:
		return marshal(dst, v)
	}
	if k := m.coders.of(v); k.encode != nil {
		return k.appendPlanned(dst, v, depth)
	}
	if v, ok := marshalerOf(v); ok {
		return marshal(dst, v)
	}
	return m.encode(dst, v, depth)
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
		if dst, err = appendText(dst, k); err != nil {
			return dst, err
		}
		if dst, err = m.append(dst, e, depth); err != nil {
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
		start := len(dst)
		if dst, err = m.append(dst, k, depth); err != nil {
			return dst, err
		}
		if kind, _, _ := header(dst[start:]); kind >= array {
			return dst, encodeError(k, ErrMapKey)
		}
		if dst, err = m.append(dst, e, depth); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// decodeAny decodes b, which has passed a walk.
func (m *Msgpack) decodeAny(b []byte) any {
	c := cursor{b: b, keys: &m.keys}
	return c.value()
}

// decodeAs decodes b into an *v of a type that DecodeAny may yield, or nil.
func decodeAs[T any](m *Msgpack, b []byte, v *T) error {
	x := m.decodeAny(b)
	if x == nil {
		*v = *new(T)
		return nil
	}
	t, ok := x.(T)
	if !ok {
		return decodeError(v, ErrKind)
	}
	*v = t
	return nil
}

// A cursor decodes the objects at b[i:], one after the other. All of b has
// passed a walk: nothing is checked, and recursion is as deep as the walk
// allowed.
type cursor struct {
	b    []byte
	i    int
	keys *keys // may be nil
}

func (c *cursor) value() any {
	code := c.b[c.i]
	switch {
	case code < fixMap:
		c.i++
		return int64(code)
	case code < fixArray:
		c.i++
		return c.dict(int(code & 0x0f))
	case code&0xe0 == fixStr:
		body, _, _ := c.body()
		return string(body)
	}
	if size := scalarSize(code); size > 0 {
		c.i += size
		return scalarAt(c.b[c.i-size:])
	}
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
		return string(body)
	case blob:
		return clone(body)
	}
	return extValue(int8(c.b[c.i-int(n)-1]), body)
}

func (c *cursor) array(n int) []any {
	a := make([]any, n)
	for k := range a {
		a[k] = c.value()
	}
	return a
}

// dict takes n pairs. The first keys decide: as long as they are text, the map
// is the one that is cheap to use.
func (c *cursor) dict(n int) any {
	if n > 0 && !c.atText() {
		return c.mixed(make(map[any]any, n), n)
	}
	m := make(map[string]any, n)
	for left := n; left > 0; left-- {
		if !c.atText() {
			all := make(map[any]any, n)
			for k, v := range m {
				all[k] = v
			}
			return c.mixed(all, left)
		}
		key := c.text()
		m[key] = c.value()
	}
	return m
}

// mixed takes n pairs into m.
func (c *cursor) mixed(m map[any]any, n int) any {
	for range n {
		var key any
		if c.atText() {
			key = c.text()
		} else {
			key = c.value()
		}
		m[key] = c.value()
	}
	return m
}

func (c *cursor) atText() bool {
	code := c.b[c.i]
	return code&0xe0 == fixStr || bin8 <= code && code <= bin32 || str8 <= code && code <= str32
}

// text takes a key that is a str or a bin.
func (c *cursor) text() string {
	body, _, _ := c.body()
	return c.keys.text(body)
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

func extValue(typ int8, data []byte) any {
	if typ == timestamp {
		return timeOf(data)
	}
	return Ext{Type: typ, Data: clone(data)}
}

// clone copies p into no more than it takes. The result is not nil.
func clone(p []byte) []byte {
	c := make([]byte, len(p))
	copy(c, p)
	return c
}

// timeOf is the time in a timestamp of 4, 8 or 12 bytes.
func timeOf(data []byte) time.Time {
	switch len(data) {
	case 4:
		return time.Unix(int64(binary.BigEndian.Uint32(data)), 0)
	case 8:
		v := binary.BigEndian.Uint64(data)
		return time.Unix(int64(v&(1<<34-1)), int64(v>>34))
	}
	nsec := binary.BigEndian.Uint32(data)
	sec := binary.BigEndian.Uint64(data[4:])
	return time.Unix(int64(sec), int64(nsec))
}
