package attack

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/packetmq/packetmq/siege/wire"
)

// packet is a payload that tells whose it is, in every eight bytes of its body.
type packet struct {
	tag, seq uint64
	size     int // of the body
}

func (p packet) append(b []byte) []byte {
	b = wire.AppendMap(b, 3)
	b = wire.AppendUint(wire.AppendText(b, "seq"), p.seq)
	b = wire.AppendUint(wire.AppendText(b, "ts"), p.tag)
	b = wire.AppendBytes(wire.AppendText(b, "body"), make([]byte, p.size))
	word := p.tag<<24 ^ p.seq
	for i := len(b) - p.size; i+8 <= len(b); i += 8 {
		binary.BigEndian.PutUint64(b[i:], word)
	}
	return b
}

// check compares a reply with what was sent. A server that decodes may order
// the fields anew, so only its body is compared then.
func (p packet) check(f wire.Frame, exact bool) error {
	sent := p.append(nil)
	same := bytes.Equal(f.Payload(), sent)
	if !exact && !same {
		same = len(f.Payload()) == len(sent) && bytes.Contains(f.Payload(), sent[len(sent)-p.size:])
	}
	if f.ID() == idReply && same {
		return nil
	}
	return &foreignError{tag: p.tag, seq: p.seq, got: append([]byte(nil), f[:min(len(f), 64)]...)}
}

// foreignError is a reply that is not the one to what was asked.
type foreignError struct {
	tag, seq uint64
	got      []byte
}

func (e *foreignError) Error() string {
	return fmt.Sprintf("the reply to packet %d of conn %d begins %x", e.seq, e.tag, e.got)
}
