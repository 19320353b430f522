package codec

// The methods by which a Go type encodes and decodes itself, and the calls of
// MarshalMsg and UnmarshalMsg.

import (
	"encoding"
	"errors"
	"reflect"
	"slices"

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

// A method is one by which a type may encode or decode its values.
type method struct {
	in reflect.Type // the interface that has it, and nothing else

	// of finds it in a type. Its name is a constant in a call of MethodByName,
	// without which the linker would keep all methods of a program.
	of func(reflect.Type) (reflect.Method, bool)
}

// encoders are the methods that encode, in the order in which they are asked for.
func encoders() []method {
	return []method{
		{reflect.TypeFor[Marshaler](), func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("MarshalMsg") }},
		{reflect.TypeFor[msgpack.CustomEncoder](), func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("EncodeMsgpack") }},
		{reflect.TypeFor[msgpack.Marshaler](), func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("MarshalMsgpack") }},
		{reflect.TypeFor[encoding.BinaryMarshaler](), func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("MarshalBinary") }},
		{reflect.TypeFor[encoding.TextMarshaler](), func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("MarshalText") }},
	}
}

// decoders are those that decode.
func decoders() []method {
	return []method{
		{reflect.TypeFor[Unmarshaler](), func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("UnmarshalMsg") }},
		{reflect.TypeFor[msgpack.CustomDecoder](), func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("DecodeMsgpack") }},
		{reflect.TypeFor[msgpack.Unmarshaler](), func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("UnmarshalMsgpack") }},
		{reflect.TypeFor[encoding.BinaryUnmarshaler](), func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("UnmarshalBinary") }},
		{reflect.TypeFor[encoding.TextUnmarshaler](), func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("UnmarshalText") }},
	}
}

// first returns the number of the first method that t has, or -1.
func first(t reflect.Type, of []method) int {
	return slices.IndexFunc(of, func(m method) bool { return t.Implements(m.in) })
}

// methods tells which methods values of type t have for encoding and decoding.
// Those of *T are those of T, too, wherever a T lies.
func methods(t reflect.Type) (enc, dec owner) {
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface {
		return none, none // what it leads to may have some
	}
	ptr := reflect.PointerTo(t)
	return ownerOf(first(ptr, encoders())), ownerOf(first(ptr, decoders()))
}

func ownerOf(method int) owner {
	switch method {
	case -1:
		return none
	case 0:
		return byMsg
	}
	return byV5
}

// The interfaces of v5 by which a value may encode itself, each of which hides the
// others.
type (
	onlyCustom  struct{ msgpack.CustomEncoder }
	onlyMarshal struct{ msgpack.Marshaler }
	onlyBinary  struct{ encoding.BinaryMarshaler }
)

// onlyFirst returns a function that shows v5 the first of the methods of *T alone,
// or nil if v5 finds that by itself. It looks at those of T before, and would
// encode by one what another than its counterpart decodes.
func onlyFirst(t reflect.Type) func(ptr any) any {
	method := first(reflect.PointerTo(t), encoders())
	if first(t, encoders()) <= method || probeEncoder(t).foreign(false) {
		return nil
	}
	switch encoders()[method].in {
	case reflect.TypeFor[msgpack.CustomEncoder]():
		return func(v any) any { return onlyCustom{v.(msgpack.CustomEncoder)} }
	case reflect.TypeFor[msgpack.Marshaler]():
		return func(v any) any { return onlyMarshal{v.(msgpack.Marshaler)} }
	}
	return func(v any) any { return onlyBinary{v.(encoding.BinaryMarshaler)} }
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
