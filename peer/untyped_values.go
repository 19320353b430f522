package peer

// Values that are not of the Go type of their packet, as programs without types send them.
// They are converted if nothing is lost thereby; else they are a ValueError.

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// ValueError is a value that cannot stand for the Go type of its packet, since
// something of it would be lost or could not be decoded by the other side.
type ValueError struct {
	Packet string
	Value  reflect.Type // of the value; nil for a nil
	Want   reflect.Type
	Err    error // of the codec; nil when something would be lost
}

func (e *ValueError) Error() string {
	why := "something of it would be lost"
	if e.Err != nil {
		why = e.Err.Error()
	}
	return fmt.Sprintf("peer: %s: a value of type %v is not exactly a %v: %s", e.Packet, e.Value, e.Want, why)
}

// Unwrap returns the codec's error.
func (e *ValueError) Unwrap() error { return e.Err }

// marshal appends the payload of a packet. If the packet has a Go type T, the payload is that
// of a T, which v is or is converted to: the other side decodes a T.
func (p *Peer) marshal(b []byte, t *registry.Type, v any) ([]byte, error) {
	if t.Holds(v) {
		return p.codec.Append(b, v)
	}
	made, err := p.convertExactly(t, v)
	if err != nil {
		return b, err
	}
	return p.codec.Append(b, made)
}

// convertExactly makes a *T of v, where T is the packet's Go type. It encodes v and decodes
// that into a T. To see that nothing is lost, it encodes the T again and compares the two.
func (p *Peer) convertExactly(t *registry.Type, v any) (any, error) {
	made := t.New()
	bad := &ValueError{Packet: t.Name(), Value: reflect.TypeOf(v), Want: reflect.TypeOf(made).Elem()}
	given, err := p.codec.Append(nil, v)
	if err != nil {
		bad.Err = err
		return nil, bad
	}
	if n := len(given) + codec.IDSize; n > p.cfg.MaxFrame {
		return nil, &SizeError{Packet: t.Name(), Length: n, Max: p.cfg.MaxFrame}
	}
	if bad.Err = p.codec.DecodeWithin(p.limits(t), given, made); bad.Err != nil {
		return nil, bad
	}
	kept, err := p.codec.Append(nil, made)
	if err != nil {
		bad.Err = err
		return nil, bad
	}
	before, err := p.codec.DecodeAnyWithin(p.limits(t), given)
	if err != nil {
		bad.Err = err
		return nil, bad
	}
	if after, err := p.codec.DecodeAnyWithin(p.limits(t), kept); err != nil || !covers(after, before) {
		return nil, bad
	}
	return made, nil
}

// convertReceived returns v as a handler of t takes it: as a *T if the packet has a Go type T,
// else as it is.
func (p *Peer) convertReceived(t *registry.Type, v any) (any, error) {
	made := t.New()
	if p := reflect.ValueOf(made); p.Kind() != reflect.Pointer || p.IsNil() {
		return v, nil // a plain value, or nothing to decode into
	}
	if reflect.TypeOf(v) == reflect.TypeOf(made) && !reflect.ValueOf(v).IsNil() {
		return v, nil
	}
	if into := reflect.ValueOf(made).Elem(); v != nil && reflect.TypeOf(v).AssignableTo(into.Type()) {
		into.Set(reflect.ValueOf(v))
		return made, nil
	}
	return p.convertExactly(t, v)
}

// covers reports whether made, a plain value, has everything that the plain value v has. It may
// have more: fields that v does not name.
func covers(made, v any) bool {
	switch v := v.(type) {
	case nil:
		return isZero(made)
	case string:
		return sameText(made, []byte(v))
	case []byte:
		return sameText(made, v)
	case int64, uint64, float64:
		return sameNumber(made, v)
	case time.Time:
		m, ok := made.(time.Time)
		return ok && m.Equal(v)
	case []any:
		return coversList(made, v)
	case map[string]any:
		for key, value := range v {
			if !covers(member(made, key), value) {
				return false
			}
		}
		return isMap(made) || made == nil && len(v) == 0
	case map[any]any:
		for key, value := range v {
			if !covers(member(made, key), value) {
				return false
			}
		}
		return isMap(made) || made == nil && len(v) == 0
	}
	return made == nil && isZero(v) || reflect.DeepEqual(made, v)
}

func coversList(made any, v []any) bool {
	m, ok := made.([]any)
	if !ok || len(m) != len(v) {
		return made == nil && len(v) == 0
	}
	for i := range v {
		if !covers(m[i], v[i]) {
			return false
		}
	}
	return true
}

// member is the value under a key of a map, or nil.
func member(m, key any) any {
	switch m := m.(type) {
	case map[string]any:
		if s, ok := key.(string); ok {
			return m[s]
		}
	case map[any]any:
		return m[key]
	}
	return nil
}

func isMap(v any) bool {
	switch v.(type) {
	case map[string]any, map[any]any:
		return true
	}
	return false
}

// sameText reports whether made is those bytes, as a string or as bytes.
func sameText(made any, text []byte) bool {
	switch m := made.(type) {
	case nil:
		return len(text) == 0
	case string:
		return m == string(text)
	case []byte:
		return bytes.Equal(m, text)
	}
	return false
}

// sameNumber reports whether made is the same number, as an integer or a float.
func sameNumber(made, v any) bool {
	if made == nil {
		return isZero(v)
	}
	if f, ok := v.(float64); ok && math.IsNaN(f) {
		m, ok := made.(float64)
		return ok && math.IsNaN(m)
	}
	if made == v {
		return true
	}
	m, ok := made.(float64)
	if f, isFloat := v.(float64); isFloat && !ok {
		m, v, ok = f, made, true
	}
	switch n := v.(type) {
	case int64:
		return ok && m >= -1<<63 && m < 1<<63 && int64(m) == n && float64(n) == m
	case uint64:
		return ok && m >= 0 && m < 1<<64 && uint64(m) == n && float64(n) == m
	}
	return false
}

// isZero reports whether a plain value is what a field is encoded to when nothing was decoded
// into it.
func isZero(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []byte:
		return len(v) == 0
	case []any:
		for _, e := range v {
			if !isZero(e) {
				return false
			}
		}
		return true
	case map[string]any:
		for _, e := range v {
			if !isZero(e) {
				return false
			}
		}
		return true
	case map[any]any:
		return len(v) == 0
	case time.Time:
		return v.IsZero()
	}
	return reflect.ValueOf(v).IsZero()
}
