package codec

// Errors: sentinels for what is wrong with a frame or a payload, and types that say
// where.

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
	ErrTrailing  = errors.New("bytes after the object")
	ErrReserved  = errors.New("reserved code c1")
	ErrDepth     = errors.New("nested too deeply")
	ErrElements  = errors.New("too many elements")
	ErrBudget    = errors.New("decoding would take too much memory")
	ErrMapKey    = errors.New("map key is a map, an array or an ext")
	ErrUTF8      = errors.New("text is not UTF-8")
	ErrExt       = errors.New("ext type or size not allowed")
	ErrKind      = errors.New("object is of another kind")
	ErrRange     = errors.New("number out of range") // too large for its field, or below 0 where that has no sign
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

// A TypeError is a Go type that no payload can carry. CheckType returns it, and
// a CodecError wraps it.
type TypeError struct {
	Root   reflect.Type // the type that was asked for
	Path   string       // where in it the fault lies: ".Orders[].Done", say; empty for Root itself
	Type   reflect.Type // the type there
	Reason string

	err     error // ErrMapKey, or nil
	endless bool  // v5 must not see it, since it would not come back
}

// Unwrap returns ErrMapKey where the fault is a key's, else nil.
func (e *TypeError) Unwrap() error { return e.err }

func (e *TypeError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("codec: no payload can carry a %v: %s", e.Type, e.Reason)
	}
	return fmt.Sprintf("codec: no payload can carry a %v: %s is a %v: %s", e.Root, e.Path, e.Type, e.Reason)
}

func typeError(t reflect.Type, reason string) *TypeError { return &TypeError{Type: t, Reason: reason} }

// within puts a step in front of the path.
func (e *TypeError) within(step string) *TypeError {
	e.Path = step + e.Path
	return e
}

// of ends the path at t. It returns an error that is not nil.
func (e *TypeError) of(t reflect.Type) error {
	e.Root = t
	return e
}

func encodeError(v any, err error) error {
	e := &CodecError{Op: "encode", Type: reflect.TypeOf(v), Err: err}
	if own := (*CodecError)(nil); errors.As(err, &own) {
		e.Value = own.Value
	}
	return e
}

func decodeError(v any, err error) error {
	return &CodecError{Op: "decode", Type: reflect.TypeOf(v), Err: err}
}

func panicError(op string, v, p any) error { return panicOf(op, reflect.TypeOf(v), p) }

func panicOf(op string, t reflect.Type, p any) error {
	err, ok := p.(error)
	if !ok {
		err = fmt.Errorf("%v", p)
	}
	return &CodecError{Op: op, Type: t, Err: fmt.Errorf("panic: %w", err), Value: p}
}
