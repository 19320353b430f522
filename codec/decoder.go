package codec

import (
	"errors"
	"io"
	"math"

	"github.com/vmihailenco/msgpack/v5"
)

// A decoder is a msgpack/v5 decoder with what it reads from.
type decoder struct {
	v5   *msgpack.Decoder
	in   source
	dict func(*msgpack.Decoder) (any, error) // in.dict, bound once
}

// decode decodes b, which has passed w, by way of msgpack/v5. A decoder that
// met an error or a panic is dropped: one that failed within a RawMessage, for
// one, records all it reads for ever after.
func (m *Msgpack) decode(b []byte, v any, k *coder, w *walk) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicError("decode", v, p)
		}
	}()
	d, _ := m.decoders.Get().(*decoder)
	if d == nil {
		d = &decoder{v5: msgpack.NewDecoder(nil)}
		d.dict = d.in.dict
	}
	if w.cost()+k.weight.cost(w) > w.budget {
		return &PayloadError{Err: ErrBudget}
	}
	d.in.reset(b, w.exts > 0)
	d.v5.Reset(&d.in)
	d.v5.UseLooseInterfaceDecoding(true)
	d.v5.SetMapDecoder(d.dict)
	if err = d.v5.Decode(v); err == nil && d.in.i < len(b) {
		err = ErrTrailing
	}
	if err != nil {
		return decodeError(v, err)
	}
	d.in = source{}
	if len(b) <= maxKept {
		m.decoders.Put(d)
	}
	return nil
}

var errExtAsMap = errors.New("ext where a map should be")

// A source gives a payload to msgpack/v5.
//
// Where v5 wants a map and finds an ext, it takes the ext's data for the map,
// which no walk has looked at: a head in there that declares four billion
// pairs would be believed. v5 reads data with Read and codes with ReadByte, so
// the first byte of an ext's data is fenced off against ReadByte.
type source struct {
	b []byte
	i int

	fence int // where the data of the next ext begins, or -1
	after int // where it ends, and the fence is to be moved on
}

func (s *source) reset(b []byte, exts bool) {
	*s = source{b: b, fence: -1, after: math.MaxInt}
	if exts {
		s.after = 0
		s.moveFence()
	}
}

func (s *source) ReadByte() (byte, error) {
	if s.i >= len(s.b) {
		return 0, io.ErrUnexpectedEOF
	}
	if s.i == s.fence {
		return 0, errExtAsMap
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

// dict decodes the map at i, for fields of type any.
func (s *source) dict(*msgpack.Decoder) (any, error) {
	c := cursor{b: s.b, i: s.i}
	v := c.value()
	s.advance(c.i)
	return v, nil
}

func (s *source) advance(i int) {
	s.i = i
	if i >= s.after {
		s.moveFence()
	}
}

// moveFence finds the next ext with data from after on.
func (s *source) moveFence() {
	i := s.after
	s.fence, s.after = -1, math.MaxInt
	for i < len(s.b) {
		k, n, size := header(s.b[i:])
		switch {
		case k == scalar:
			i += scalarSize(s.b[i])
		case k >= array && k != ext:
			i += size
		case k == ext && n > 0:
			s.fence, s.after = i+size, i+size+int(n)
			return
		default:
			i += size + int(n)
		}
	}
}
