package codec

// Decoding by way of msgpack/v5, for types that have code of their own which only v5
// knows how to call.

import (
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"sync/atomic"

	"github.com/vmihailenco/msgpack/v5"
)

// A decoder is a msgpack/v5 decoder with what it reads from. It is for the
// types that have code of their own for it.
type decoder struct {
	v5   *msgpack.Decoder
	in   source
	dict func(*msgpack.Decoder) (any, error) // in.dict, bound once
}

// decode decodes the object b, which has passed the walk of c, into v by way of
// msgpack/v5.
func (m *Msgpack) decode(b []byte, v reflect.Value, c *cursor) error {
	_, err := m.decodeV5(b, v.Type(), c, func(d *msgpack.Decoder) (any, error) { return nil, d.DecodeValue(v) })
	return err
}

// decodeExt decodes the ext b to what a program has registered with v5 for the
// ext's type. If that is nothing, known is false.
func (m *Msgpack) decodeExt(b []byte, typ int8, c *cursor) (v any, known bool, err error) {
	v, err = m.decodeV5(b, nil, c, (*msgpack.Decoder).DecodeInterface)
	if err != nil && errors.Unwrap(err).Error() == fmt.Sprintf("msgpack: unknown ext id=%d", typ) {
		m.exts.isNot(typ)
		return nil, false, nil
	}
	return v, true, err
}

// exts are the types of exts for which v5 was found to have nothing: asking it
// again would take a thousand times as long as making an Ext.
type exts [2]atomic.Uint64

func (e *exts) mayBe(typ int8) bool { return e[typ>>6].Load()&(1<<(typ&63)) == 0 }
func (e *exts) isNot(typ int8)      { e[typ>>6].Or(1 << (typ & 63)) }

// decodeV5 decodes the object b with a decoder from the pool. One that met an
// error or a panic is dropped: one that failed within a RawMessage, for one,
// records all it reads for ever after.
func (m *Msgpack) decodeV5(b []byte, t reflect.Type, c *cursor, decode func(*msgpack.Decoder) (any, error)) (v any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicOf("decode", t, p)
		}
	}()
	d, _ := m.decoders.Get().(*decoder)
	if d == nil {
		d = &decoder{v5: msgpack.NewDecoder(nil)}
		d.dict = d.in.dict
	}
	d.in.reset(b, c)
	d.v5.Reset(&d.in)
	d.v5.UseLooseInterfaceDecoding(true)
	d.v5.SetMapDecoder(d.dict)
	if v, err = decode(d.v5); err == nil && d.in.i < len(b) {
		err = ErrTrailing
	}
	if err != nil {
		return nil, &CodecError{Op: "decode", Type: t, Err: err}
	}
	d.in = source{}
	if len(b) <= maxKept {
		m.decoders.Put(d)
	}
	return v, nil
}

var (
	errNil     = errors.New("only a pointer that is not nil can be decoded into")
	errExtBody = errors.New("the ext holds no msgpack that is within the limits")
)

// A source gives an object to msgpack/v5.
//
// A walk has looked at all of it but at the data of exts, which may be anything:
// if code of a program, or v5 itself where it wants a map and finds an ext,
// takes that data for msgpack, a head in there that declares four billion pairs
// would be believed. So the data is walked as well. If it is not a sequence of
// objects within the limits, it can be had with Read, as bytes, but not with
// ReadByte, by which v5 reads codes.
type source struct {
	b []byte
	i int

	opaque    int // where the data of the next ext begins that is no msgpack, or -1
	opaqueEnd int // where it ends, and the next one is to be found

	depth, elements int // limits
}

func (s *source) reset(b []byte, c *cursor) {
	*s = source{b: b, depth: c.depth, elements: c.elements}
	s.findOpaque()
}

func (s *source) ReadByte() (byte, error) {
	if s.i >= len(s.b) {
		return 0, io.ErrUnexpectedEOF
	}
	if s.opaque >= 0 && s.i >= s.opaque {
		return 0, errExtBody
	}
	s.i++
	return s.b[s.i-1], nil
}

func (s *source) UnreadByte() error {
	s.i--
	return nil
}

func (s *source) Read(p []byte) (int, error) {
	n := copy(p, s.b[s.i:])
	if n < len(p) {
		return n, io.ErrUnexpectedEOF
	}
	s.advance(s.i + n)
	return n, nil
}

// dict decodes the map at i, where a program's code has v5 decode into an any.
func (s *source) dict(*msgpack.Decoder) (any, error) {
	w := s.walk(s.b[s.i:])
	if _, err := w.deepObject(s.b[s.i:]); err != nil {
		return nil, err
	}
	c := cursor{b: s.b, i: s.i, left: math.MaxInt}
	v, _ := c.value()
	s.advance(c.i)
	return v, nil
}

func (s *source) walk(b []byte) walk {
	return walk{depth: s.depth, elements: s.elements, room: len(b)}
}

func (s *source) advance(i int) {
	s.i = i
	if i >= s.opaqueEnd {
		s.findOpaque()
	}
}

// findOpaque finds the next ext, from opaqueEnd on, whose data is no msgpack.
func (s *source) findOpaque() {
	i := s.opaqueEnd
	s.opaque, s.opaqueEnd = -1, math.MaxInt
	for i < len(s.b) {
		k, n, size := header(s.b[i:])
		switch {
		case k == scalar:
			i += scalarSize(s.b[i])
		case k >= array && k != ext:
			i += size
		case k == ext && !s.isMsgpack(s.b[i+size:i+size+int(n)]):
			s.opaque, s.opaqueEnd = i+size, i+size+int(n)
			return
		default:
			i += size + int(n)
		}
	}
}

// isMsgpack reports whether b is a sequence of objects within the limits.
func (s *source) isMsgpack(b []byte) bool {
	w := s.walk(b)
	for len(b) > 0 {
		end, err := w.deepObject(b)
		if err != nil {
			return false
		}
		b = b[end:]
	}
	return true
}
