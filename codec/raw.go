package codec

// Raw: a msgpack object that stays encoded, as a value.

import "github.com/vmihailenco/msgpack/v5"

// Raw is one msgpack object that stays encoded, as a value of its own or as a
// field of a struct. It is appended as it is, once Append has seen that it is
// sound; decoding copies the object's bytes. A nil Raw encodes as nil, and a
// field that is nil on the wire becomes a nil Raw.
type Raw []byte

// appendTo appends r, which lies in depth arrays and maps.
func (r Raw) appendTo(dst []byte, depth int) ([]byte, error) {
	if r == nil {
		return AppendNil(dst), nil
	}
	w := unlimited()
	w.depth -= depth
	if err := w.whole(r); err != nil {
		return dst, encodeError(r, err)
	}
	return append(dst, r...), nil
}

// EncodeMsgpack is for msgpack/v5, where a Raw is part of another value.
func (r Raw) EncodeMsgpack(e *msgpack.Encoder) error {
	w := unlimited()
	if err := w.whole(r); err != nil {
		return err
	}
	_, err := e.Writer().Write(r)
	return err
}

// DecodeMsgpack is for msgpack/v5, where a Raw is part of another value.
func (r *Raw) DecodeMsgpack(d *msgpack.Decoder) error {
	b, err := d.DecodeRaw()
	if err != nil {
		return err
	}
	*r = Raw(b)
	return nil
}

var (
	_ msgpack.CustomEncoder = Raw(nil)
	_ msgpack.CustomDecoder = (*Raw)(nil)
)
