package codec

import (
	"errors"
	"fmt"
	"reflect"
)

// What is wrong with a frame; wrapped by *SizeError.
var (
	ErrShortFrame = errors.New("frame too short for a packet id")
	ErrLongFrame  = errors.New("frame too long")
)

// What is wrong with a payload; wrapped by *PayloadError, or by *CodecError
// where the value to encode is at fault.
var (
	ErrEmpty     = errors.New("no object")
	ErrTruncated = errors.New("object is cut off")
	ErrTrailing  = errors.New("bytes behind the object")
	ErrReserved  = errors.New("reserved code c1")
	ErrDepth     = errors.New("nested too deeply")
	ErrElements  = errors.New("too many elements")
	ErrBudget    = errors.New("decoding would take too much memory")
	ErrMapKey    = errors.New("map key is a map, an array or an ext")
	ErrUTF8      = errors.New("text is not UTF-8")
	ErrExt       = errors.New("ext type or size not allowed")
	ErrKind      = errors.New("object is of another kind")
	ErrRange     = errors.New("number out of range")
)

// A SizeError is a frame length that cannot be: under the 2 bytes of a packet
// id (it wraps ErrShortFrame), or over the limit (ErrLongFrame).
type SizeError struct {
	Length int64 // as stated by the frame: id and payload, in bytes
	Max    int   // the limit in force, in bytes

	// Protocol names what the peer seems to speak instead ("HTTP", "TLS",
	// "SSH", "PROXY") when the length bytes are the start of that. Else empty.
	Protocol string
}

func (e *SizeError) Error() string {
	switch {
	case e.Protocol != "":
		return "codec: the peer speaks " + e.Protocol + ", not packetmq"
	case e.Length < IDSize:
		return fmt.Sprintf("codec: frame of %d bytes, a packet id alone takes %d", e.Length, IDSize)
	}
	return fmt.Sprintf("codec: frame of %d bytes, the limit is %d", e.Length, e.Max)
}

// Unwrap returns ErrShortFrame or ErrLongFrame.
func (e *SizeError) Unwrap() error {
	if e.Length < IDSize {
		return ErrShortFrame
	}
	return ErrLongFrame
}

// A PayloadError is a fault in encoded bytes.
type PayloadError struct {
	Offset int   // where the object at fault begins, in bytes
	Err    error // one of the sentinels above
}

func (e *PayloadError) Error() string {
	return fmt.Sprintf("codec: payload byte %d: %v", e.Offset, e.Err)
}

func (e *PayloadError) Unwrap() error { return e.Err }

// A CodecError is a value that could not be encoded, or a sound payload that
// does not fit the value it should go into.
type CodecError struct {
	Op    string       // "encode" or "decode"
	Type  reflect.Type // of the value; nil for a nil interface
	Err   error
	Value any // what the marshalling code panicked with, else nil
}

func (e *CodecError) Error() string {
	return fmt.Sprintf("codec: %s %v: %v", e.Op, e.Type, e.Err)
}

func (e *CodecError) Unwrap() error { return e.Err }

func encodeError(v any, err error) error {
	return &CodecError{Op: "encode", Type: reflect.TypeOf(v), Err: err}
}

func decodeError(v any, err error) error {
	return &CodecError{Op: "decode", Type: reflect.TypeOf(v), Err: err}
}

func panicError(op string, v, p any) error {
	err, ok := p.(error)
	if !ok {
		err = fmt.Errorf("%v", p)
	}
	return &CodecError{Op: op, Type: reflect.TypeOf(v), Err: fmt.Errorf("panic: %w", err), Value: p}
}
