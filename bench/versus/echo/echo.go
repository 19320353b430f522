// Package echo is what the servers that speak packetmq's frames have in
// common: they find the frames, and answer each with its own payload, raw or
// through msgpack/v5.
//
// A frame is u32 big-endian length, u16 big-endian id, payload; the length
// counts id and payload. There is no handshake.
package echo

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/vmihailenco/msgpack/v5"
)

// The frame and the two ids.
const (
	Header    = 6
	RequestID = 17
	ReplyID   = 18
	MaxFrame  = 1 << 20
)

// What a server does with a payload between taking and giving it.
const (
	Raw   = "raw"   // nothing: the bytes go back
	Typed = "typed" // decodes it into a struct and encodes that
	Any   = "any"   // decodes it into an any and encodes that
)

// payload is what a program would decode into.
type payload struct {
	Seq  uint64 `msgpack:"seq"`
	TS   uint64 `msgpack:"ts"`
	Body []byte `msgpack:"body"`
}

// Echo answers frames. It is for one goroutine at a time: it keeps a decoder,
// an encoder and a value to decode into.
type Echo struct {
	answer func(dst, payload []byte) ([]byte, error)
	reader bytes.Reader
	dec    *msgpack.Decoder
	enc    *msgpack.Encoder
	out    appender
	value  payload
}

// New makes an Echo for a mode.
func New(mode string) (*Echo, error) {
	e := new(Echo)
	switch mode {
	case Raw:
		e.answer = func(dst, payload []byte) ([]byte, error) { return append(dst, payload...), nil }
		return e, nil
	case Typed:
		e.answer = e.typed
	case Any:
		e.answer = e.any
	default:
		return nil, fmt.Errorf("mode %q: want raw, typed or any", mode)
	}
	e.dec = msgpack.NewDecoder(&e.reader)
	e.enc = msgpack.NewEncoder(&e.out)
	return e, nil
}

// Length tells how long the frame is that b begins with, and whether b holds
// enough of it to say so. An id that is not RequestID is an error.
func Length(b []byte) (n int, ok bool, err error) {
	if len(b) < Header {
		return 0, false, nil
	}
	length := binary.BigEndian.Uint32(b)
	id := binary.BigEndian.Uint16(b[4:])
	if length < 2 || length > MaxFrame || id != RequestID {
		return 0, false, fmt.Errorf("frame of %d bytes with id %d", length, id)
	}
	return 4 + int(length), true, nil
}

// Append appends the answer to one whole frame to dst.
func (e *Echo) Append(dst, frame []byte) ([]byte, error) {
	start := len(dst)
	dst, err := e.answer(append(dst, 0, 0, 0, 0, 0, ReplyID), frame[Header:])
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst, err
}

// AppendAll appends the answers to the whole frames of in to dst, and tells how
// many bytes of in they were.
func (e *Echo) AppendAll(dst, in []byte) (_ []byte, used int, err error) {
	for {
		n, ok, err := Length(in[used:])
		if err != nil || !ok || len(in)-used < n {
			return dst, used, err
		}
		if dst, err = e.Append(dst, in[used:used+n]); err != nil {
			return dst, used, err
		}
		used += n
	}
}

func (e *Echo) typed(dst, b []byte) ([]byte, error) {
	e.reader.Reset(b)
	e.dec.Reset(&e.reader)
	if err := e.dec.Decode(&e.value); err != nil {
		return dst, err
	}
	return e.encode(dst, &e.value)
}

func (e *Echo) any(dst, b []byte) ([]byte, error) {
	e.reader.Reset(b)
	e.dec.Reset(&e.reader)
	v, err := e.dec.DecodeInterface()
	if err != nil {
		return dst, err
	}
	return e.encode(dst, v)
}

func (e *Echo) encode(dst []byte, v any) ([]byte, error) {
	e.out.b = dst
	e.enc.Reset(&e.out)
	err := e.enc.Encode(v)
	dst, e.out.b = e.out.b, nil
	return dst, err
}

// appender is the encoder's writer. With WriteByte it needs no wrapper.
type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}

func (a *appender) WriteByte(c byte) error {
	a.b = append(a.b, c)
	return nil
}
