package codec

// Encoding by way of msgpack/v5, for types that have code of their own which only v5
// knows how to call.

import (
	"errors"
	"math"
	"reflect"

	"github.com/vmihailenco/msgpack/v5"
)

// maxKept is the largest payload, in bytes, after which an encoder or decoder
// goes back into its pool: the buffers inside grow with the payload and cannot
// be taken out.
const maxKept = 64 << 10

// An encoder is a msgpack/v5 encoder with what it writes to. It is for the types
// that have code of their own for it.
type encoder struct {
	v5  *msgpack.Encoder
	out sink
}

// encode appends v, which lies in depth arrays and maps, by way of msgpack/v5, which
// is given what only makes of the pointer to v, if that is not nil. An
// encoder that met an error or a panic is dropped: nobody knows what it still
// has half written.
func (m *Msgpack) encode(dst []byte, v reflect.Value, only func(any) any, depth int) (out []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, err = dst, panicOf("encode", v.Type(), p)
		}
	}()
	e, _ := m.encoders.Get().(*encoder)
	if e == nil {
		e = &encoder{v5: msgpack.NewEncoder(nil)}
	}
	e.out = sink{b: dst, start: len(dst), next: len(dst) + maxKept}
	e.v5.Reset(&e.out)
	e.v5.UseCompactInts(true)
	given := addressable(v)
	if only != nil {
		given = reflect.ValueOf(only(given.Addr().Interface()))
	}
	err = e.v5.EncodeValue(given)
	out, e.out = e.out.b, sink{}
	if err == nil {
		w := unlimited()
		w.depth -= depth
		err = w.whole(out[len(dst):])
	}
	if err != nil {
		return dst, &CodecError{Op: "encode", Type: v.Type(), Err: err}
	}
	if len(out)-len(dst) <= maxKept {
		m.encoders.Put(e)
	}
	return out, nil
}

// A sink appends what is written to it to b.
//
// msgpack/v5 follows a value that contains itself until the stack is
// exhausted, which no recover catches. But it writes something on each round,
// so from maxKept bytes on the sink looks, whenever its size has doubled, how
// deep the object has become.
type sink struct {
	b     []byte
	start int // where the object begins in b
	next  int // length of b at which to look
}

func (s *sink) Write(p []byte) (int, error) {
	s.b = append(s.b, p...)
	if len(s.b) >= s.next {
		return len(p), s.look()
	}
	return len(p), nil
}

func (s *sink) WriteByte(c byte) error {
	s.b = append(s.b, c)
	if len(s.b) >= s.next {
		return s.look()
	}
	return nil
}

// look finds fault with the depth alone, of an object that is still growing.
func (s *sink) look() error {
	s.next = s.start + 2*(len(s.b)-s.start)
	w := unlimited()
	w.room = math.MaxInt
	if _, err := w.deepObject(s.b[s.start:]); errors.Is(err, ErrDepth) {
		return err
	}
	return nil
}
