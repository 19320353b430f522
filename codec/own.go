package codec

import (
	"encoding"
	"errors"
	"reflect"

	"github.com/vmihailenco/msgpack/v5"
)

// An owner is whose code encodes or decodes the values of a type.
type owner uint8

const (
	none  owner = iota // a plan of what the type is made of
	byMsg              // MarshalMsg, UnmarshalMsg
	byV5               // what msgpack/v5 calls: its own interfaces, those of package encoding, registered functions
)

func (o owner) op() op {
	if o == byMsg {
		return opMsg
	}
	return opV5
}

// errOneWay is a type that encodes itself: what comes out is known to its code
// alone, so nothing else is to make sense of it.
var errOneWay = errors.New("the type encodes itself, but has no method to decode itself")

// methods tells which methods values of type t have for encoding and decoding.
// Those of *T are those of T, too, wherever a T lies.
func methods(t reflect.Type) (enc, dec owner) {
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface {
		return none, none // what it leads to may have some
	}
	ptr := reflect.PointerTo(t)
	return first(ptr, reflect.TypeFor[Marshaler](),
			reflect.TypeFor[msgpack.CustomEncoder](), reflect.TypeFor[msgpack.Marshaler](),
			reflect.TypeFor[encoding.BinaryMarshaler](), reflect.TypeFor[encoding.TextMarshaler]()),
		first(ptr, reflect.TypeFor[Unmarshaler](),
			reflect.TypeFor[msgpack.CustomDecoder](), reflect.TypeFor[msgpack.Unmarshaler](),
			reflect.TypeFor[encoding.BinaryUnmarshaler](), reflect.TypeFor[encoding.TextUnmarshaler]())
}

func first(ptr, msg reflect.Type, v5 ...reflect.Type) owner {
	if ptr.Implements(msg) {
		return byMsg
	}
	for _, i := range v5 {
		if ptr.Implements(i) {
			return byV5
		}
	}
	return none
}

// marshal lets v append itself. It gets a buffer that has room where dst has,
// but nothing of dst in it: so it cannot lose or overwrite what is there, and
// may return another buffer.
func marshal(dst []byte, v Marshaler) (out []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, err = dst, panicError("encode", v, p)
		}
	}()
	b, err := v.MarshalMsg(dst[len(dst):])
	if err == nil && len(b) == 0 {
		err = ErrEmpty
	}
	if err != nil {
		return dst, encodeError(v, err)
	}
	if n := len(dst); cap(dst) > n && &dst[:n+1][n] == &b[0] {
		return dst[:n+len(b)], nil
	}
	return append(dst, b...), nil
}

func unmarshal(b []byte, v Unmarshaler) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicError("decode", v, p)
		}
	}()
	rest, err := v.UnmarshalMsg(b)
	if err == nil && len(rest) > 0 {
		err = ErrTrailing
	}
	if err != nil {
		return decodeError(v, err)
	}
	return nil
}
