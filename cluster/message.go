package cluster

// What nodes say over NATS: hellos to all, and segments of streams to one.

import (
	"encoding/binary"
	"errors"

	"github.com/packetmq/packetmq/cluster/internal/link"
	"github.com/packetmq/packetmq/cluster/internal/members"
	"github.com/packetmq/packetmq/codec"
)

// Kinds of messages.
const (
	helloMessage   = 1
	segmentMessage = 2
	answerMessage  = 3
)

// errMessage is that a message is none of this protocol.
var errMessage = errors.New("cluster: message that cannot be read")

// maxServices bounds what is read of a hello.
const maxServices = 1000

// appendHello appends a hello to b: its kind, and [name, epoch, leaving, services...].
func appendHello(b []byte, h *members.Hello) []byte {
	b = append(b, helloMessage)
	b = codec.AppendArrayHeader(b, 3+len(h.Services))
	b = codec.AppendString(b, h.From.Name)
	b = codec.AppendUint(b, h.From.Epoch)
	b = codec.AppendBool(b, h.Leaving)
	for _, s := range h.Services {
		b = codec.AppendString(b, s)
	}
	return b
}

// appendAnswer appends the answer to a hello for which there was no room: its kind, the epoch of who
// has said it, which nobody knows who has not heard it, and a hello.
func appendAnswer(b []byte, toEpoch uint64, h *members.Hello) []byte {
	return appendHello(binary.BigEndian.AppendUint64(append(b, answerMessage), toEpoch), h)
}

// readAnswer reads what follows the kind.
func readAnswer(b []byte) (toEpoch uint64, h members.Hello, err error) {
	if len(b) < 8+1 || b[8] != helloMessage {
		return 0, h, errMessage
	}
	h, err = readHello(b[8+1:])
	return binary.BigEndian.Uint64(b), h, err
}

// readHello reads what follows the kind.
func readHello(b []byte) (h members.Hello, err error) {
	n, b, err := codec.ReadArrayHeader(b)
	if err != nil || n < 3 || n > maxServices+3 {
		return h, errMessage
	}
	name, b, err := codec.ReadText(b)
	if err != nil || checkName(string(name)) != nil {
		return h, errMessage
	}
	h.From.Name = string(name)
	if h.From.Epoch, b, err = codec.ReadUint(b); err != nil {
		return h, errMessage
	}
	if h.Leaving, b, err = codec.ReadBool(b); err != nil {
		return h, errMessage
	}
	for range n - 3 {
		var s []byte
		if s, b, err = codec.ReadText(b); err != nil || len(s) > MaxName {
			return h, errMessage
		}
		h.Services = append(h.Services, string(s))
	}
	if len(b) != 0 {
		return h, errMessage
	}
	return h, nil
}

// streamID is a stream between two nodes. Numbers are given out by the node that began it.
type streamID struct {
	far    members.ID
	number uint64
	begun  bool // by this node
}

// envelope is a segment with its stream, as its sender sees it.
type envelope struct {
	from    members.ID
	toEpoch uint64
	number  uint64
	begun   bool // the sender began the stream
	segment link.Segment
}

// append appends the message to b.
func (e *envelope) append(b []byte) []byte {
	b = append(b, segmentMessage)
	if e.begun {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	b = binary.BigEndian.AppendUint64(b, e.from.Epoch)
	b = binary.BigEndian.AppendUint64(b, e.toEpoch)
	b = binary.BigEndian.AppendUint64(b, e.number)
	b = append(append(b, byte(len(e.from.Name))), e.from.Name...)
	return e.segment.Append(b)
}

// readEnvelope reads what follows the kind. The segment's data lies in b.
func readEnvelope(b []byte) (e envelope, err error) {
	const fixed = 1 + 8 + 8 + 8 + 1
	if len(b) < fixed || len(b) < fixed+int(b[fixed-1]) {
		return e, errMessage
	}
	e.begun = b[0] == 1
	e.from.Epoch = binary.BigEndian.Uint64(b[1:])
	e.toEpoch = binary.BigEndian.Uint64(b[9:])
	e.number = binary.BigEndian.Uint64(b[17:])
	end := fixed + int(b[fixed-1])
	e.from.Name = string(b[fixed:end])
	if checkName(e.from.Name) != nil {
		return e, errMessage
	}
	e.segment, err = link.Parse(b[end:])
	return e, err
}

// checkName returns ErrName for what no node can be called: it is a part of a subject.
func checkName(name string) error {
	if name == "" || len(name) > MaxName {
		return ErrName
	}
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return ErrName
		}
	}
	return nil
}
