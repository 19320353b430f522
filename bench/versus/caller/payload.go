package caller

// What packets carry, and how a reply is checked.

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
)

// A payload is a msgpack map of seq and ts, both uint64 in nine bytes, and body,
// a bin that fills the rest; so servers that decode get the same bytes as
// those that do not.
const (
	seqAt    = 1 + len("_seq") + 1
	tsAt     = seqAt + 8 + len("_ts") + 1
	bodyAt   = tsAt + 8 + len("_body")
	bodyHead = 2 // at least: bin 8

	// MinSize is that of a payload with an empty body.
	MinSize = bodyAt + bodyHead
)

var errReply = errors.New("caller: a reply is not what was sent")

// payloads makes and checks payloads of one size. It is read only.
type payloads struct {
	head   []byte // all up to the body, with seq and ts still to be set
	length int    // of the body
	random []byte
}

// windows is how many bodies there are. It is a prime: no power of two, such as
// a buffer's size, moves one body to the place of another equal one.
const windows = 4093

func newPayloads(size int) *payloads {
	head := []byte("\x83\xa3seq\xcf........\xa2ts\xcf........\xa4body")
	length := size - len(head) - bodyHead
	// The body's own header grows with it. A size just above a step would have a
	// body in between: it gets a longer header than it needs.
	switch {
	case length <= 0xff:
		head = append(head, 0xc4, byte(length))
	case length-1 <= 0xffff:
		length--
		head = binary.BigEndian.AppendUint16(append(head, 0xc5), uint16(length))
	default:
		length -= 3
		head = binary.BigEndian.AppendUint32(append(head, 0xc6), uint32(length))
	}
	p := &payloads{head, length, make([]byte, length+windows)}
	rand.NewChaCha8([32]byte{}).Read(p.random)
	return p
}

func (p *payloads) body(seq uint64) []byte {
	i := int(seq % windows)
	return p.random[i : i+p.length]
}

func (p *payloads) append(b []byte, seq, ts uint64) []byte {
	start := len(b)
	b = append(b, p.head...)
	binary.BigEndian.PutUint64(b[start+seqAt:], seq)
	binary.BigEndian.PutUint64(b[start+tsAt:], ts)
	return append(b, p.body(seq)...)
}

// check compares every byte of a reply with what was sent.
func (p *payloads) check(b []byte, seq, ts uint64) error {
	n := len(p.head)
	if len(b) != n+p.length ||
		string(b[:seqAt]) != string(p.head[:seqAt]) ||
		binary.BigEndian.Uint64(b[seqAt:]) != seq ||
		string(b[seqAt+8:tsAt]) != string(p.head[seqAt+8:tsAt]) ||
		binary.BigEndian.Uint64(b[tsAt:]) != ts ||
		string(b[tsAt+8:n]) != string(p.head[tsAt+8:]) ||
		!bytes.Equal(b[n:], p.body(seq)) {
		return errReply
	}
	return nil
}
