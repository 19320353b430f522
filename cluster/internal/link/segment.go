package link

import (
	"encoding/binary"
	"errors"
)

// Flags of a segment.
const (
	Fin   = 1 << iota // the stream ends after the data
	Again             // what begins at Ack is missing, and asked for
	Probe             // an answer is wanted
	Reset             // there is no such stream, or it was given up
)

// headSize is how long an encoded segment is without its data.
const headSize = 8 + 8 + 4 + 1

// ErrShort is that something is no segment.
var ErrShort = errors.New("link: too short for a segment")

// Segment is a piece of a stream, with what its sender has received of the other one.
type Segment struct {
	Seq   uint64 // how many bytes came before Data
	Ack   uint64 // how many bytes the sender has received in order
	Room  uint32 // how many more it has room for
	Flags byte
	Data  []byte
}

// Append appends the segment to b.
func (s *Segment) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, s.Seq)
	b = binary.BigEndian.AppendUint64(b, s.Ack)
	b = binary.BigEndian.AppendUint32(b, s.Room)
	return append(append(b, s.Flags), s.Data...)
}

// Parse reads a segment. Its data lies in b.
func Parse(b []byte) (s Segment, err error) {
	if len(b) < headSize {
		return s, ErrShort
	}
	s.Seq, s.Ack = binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
	s.Room, s.Flags, s.Data = binary.BigEndian.Uint32(b[16:]), b[20], b[headSize:]
	return s, nil
}
