package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Packet is the payload of a bench:echo that tells whose it is, in every eight bytes
// of its body.
type Packet struct {
	Tag, Seq uint64
	Size     int // of the body
}

// NewPacket returns the packet seq of the conn that tag stands for.
func NewPacket(tag, seq uint64, size int) Packet { return Packet{Tag: tag, Seq: seq, Size: size} }

// Append appends the payload.
func (p Packet) Append(b []byte) []byte {
	b = AppendMap(b, 3)
	b = AppendUint(AppendText(b, "seq"), p.Seq)
	b = AppendUint(AppendText(b, "ts"), p.Tag)
	b = AppendBytes(AppendText(b, "body"), make([]byte, p.Size))
	word := p.Tag<<24 ^ p.Seq
	for i := len(b) - p.Size; i+8 <= len(b); i += 8 {
		binary.BigEndian.PutUint64(b[i:], word)
	}
	return b
}

// Check compares a reply with the packet. A server that decodes payloads may order
// their fields anew, so if exact is false only the body is compared.
func (p Packet) Check(f Frame, exact bool) error {
	sent := p.Append(nil)
	same := bytes.Equal(f.Payload(), sent)
	if !exact && !same {
		same = len(f.Payload()) == len(sent) && bytes.Contains(f.Payload(), sent[len(sent)-p.Size:])
	}
	if f.ID() == IDReply && same {
		return nil
	}
	return &WrongReplyError{Tag: p.Tag, Seq: p.Seq, Got: append([]byte(nil), f[:min(len(f), 64)]...)}
}

// WrongReplyError is a reply that is not the one to the packet.
type WrongReplyError struct {
	Tag, Seq uint64
	Got      []byte // how the reply begins
}

func (e *WrongReplyError) Error() string {
	return fmt.Sprintf("the reply to packet %d of conn %d begins %x", e.Seq, e.Tag, e.Got)
}
