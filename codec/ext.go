package codec

// Ext: a msgpack extension object as a value. Those that are times are decoded in
// cursor.go and any_value.go.

import "github.com/vmihailenco/msgpack/v5"

// Ext is a msgpack extension object: bytes with a type that the application
// gives a meaning to, from 0 to 127. (Of the types below 0, only -1 passes: a
// timestamp of 4, 8 or 12 bytes, which DecodeAny returns as a time.Time.)
type Ext struct {
	Type int8
	Data []byte
}

func (e Ext) appendTo(dst []byte) ([]byte, error) {
	if !validExt(e.Type, uint(len(e.Data))) {
		return dst, encodeError(e, ErrExt)
	}
	switch n := len(e.Data); n {
	case 1:
		dst = append(dst, fixExt1)
	case 2:
		dst = append(dst, fixExt2)
	case 4:
		dst = append(dst, fixExt4)
	case 8:
		dst = append(dst, fixExt8)
	case 16:
		dst = append(dst, fixExt16)
	default:
		dst = appendLength(dst, ext8, n)
	}
	return append(append(dst, byte(e.Type)), e.Data...), nil
}

// EncodeMsgpack is for msgpack/v5, where an Ext is part of another value.
func (e Ext) EncodeMsgpack(enc *msgpack.Encoder) error {
	b, err := e.appendTo(nil)
	if err != nil {
		return err
	}
	_, err = enc.Writer().Write(b)
	return err
}

// DecodeMsgpack is for msgpack/v5, where an Ext is part of another value.
func (e *Ext) DecodeMsgpack(d *msgpack.Decoder) error {
	b, err := d.DecodeRaw() // not the ext itself, whose size need not be true where no guard went first
	if err != nil {
		return err
	}
	k, n, size := header(b)
	if k != ext {
		return ErrKind
	}
	*e = Ext{Type: int8(b[size-1]), Data: b[size : size+int(n)]}
	return nil
}

var (
	_ msgpack.CustomEncoder = Ext{}
	_ msgpack.CustomDecoder = (*Ext)(nil)
)
