package bench

// What the two packets carry, and how a reply is checked.

import (
	"bytes"
	"fmt"
	"math/rand/v2"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// The two packets, with the ids that a server insists on.
const (
	echoName  = "bench:echo"
	replyName = "bench:reply"
	echoID    = 17
	replyID   = 18
)

// payload is what both packets carry. A server decodes it by its tags, as a program
// would. A client uses append and parse, which do the same by hand, so that it does
// not measure itself.
type payload struct {
	Seq  uint64 `msgpack:"seq"`
	TS   uint64 `msgpack:"ts"`
	Body []byte `msgpack:"body"`
}

// Reset implements peer.Resetter: the body keeps its memory.
func (p *payload) Reset() { *p = payload{Body: p.Body[:0]} }

// overhead is how many bytes a payload takes besides its body, with a seq and a ts of
// the usual sizes.
const overhead = 1 + len("_seq") + 5 + len("_ts") + 9 + len("_body") + 2

func (p *payload) append(b []byte) []byte {
	b = codec.AppendMapHeader(b, 3)
	b = codec.AppendUint(codec.AppendString(b, "seq"), p.Seq)
	b = codec.AppendUint(codec.AppendString(b, "ts"), p.TS)
	return codec.AppendBytes(codec.AppendString(b, "body"), p.Body)
}

// parse takes the fields in any order, and fails if anything follows them. The body
// shares b's bytes.
func (p *payload) parse(b []byte) error {
	rest, err := p.take(b)
	if err == nil && len(rest) > 0 {
		err = codec.ErrTrailing
	}
	return err
}

// take returns what follows the fields.
func (p *payload) take(b []byte) ([]byte, error) {
	n, b, err := codec.ReadMapHeader(b)
	for range n {
		var key []byte
		if key, b, err = codec.ReadText(b); err != nil {
			return b, err
		}
		switch string(key) {
		case "seq":
			p.Seq, b, err = codec.ReadUint(b)
		case "ts":
			p.TS, b, err = codec.ReadUint(b)
		case "body":
			p.Body, b, err = codec.ReadText(b)
		default:
			return b, fmt.Errorf("field %q is none that was sent", key)
		}
		if err != nil {
			return b, err
		}
	}
	return b, err
}

// marshalled is a payload with the methods that a generator would write.
type marshalled payload

// Reset implements peer.Resetter: the body keeps its memory.
func (m *marshalled) Reset() { (*payload)(m).Reset() }

// MarshalMsg appends m to b.
func (m *marshalled) MarshalMsg(b []byte) ([]byte, error) {
	return (*payload)(m).append(b), nil
}

// UnmarshalMsg takes m from b, and returns the rest. The body is copied.
func (m *marshalled) UnmarshalMsg(b []byte) ([]byte, error) {
	p := payload{}
	rest, err := p.take(b)
	m.Seq, m.TS, m.Body = p.Seq, p.TS, append(m.Body[:0], p.Body...)
	return rest, err
}

// differs says what is wrong with got where p was sent; nil if nothing is.
func (p *payload) differs(got *payload) error {
	switch {
	case got.Seq != p.Seq:
		return fmt.Errorf("seq is %d, want %d", got.Seq, p.Seq)
	case got.TS != p.TS:
		return fmt.Errorf("ts is %d, want %d", got.TS, p.TS)
	case !bytes.Equal(got.Body, p.Body):
		return fmt.Errorf("body of seq %d is not the one that was sent", p.Seq)
	}
	return nil
}

// bodies gives out bodies of one length: windows of random bytes, which are the
// same everywhere, so that a body follows from its seq.
type bodies struct {
	random []byte
	length int
}

// windows is a prime: no power of two, such as a buffer's size, moves one body
// to the place of another equal one.
const windows = 4093

func newBodies(length int) bodies {
	b := bodies{make([]byte, length+windows), length}
	rand.NewChaCha8([32]byte{}).Read(b.random)
	return b
}

func (b *bodies) of(seq uint64) []byte {
	i := int(seq % windows)
	return b.random[i : i+b.length]
}

// clientRegistry knows the two packets and takes over a server's ids of them.
func clientRegistry() (reg *registry.Registry, echo *registry.Type, err error) {
	reg = registry.NewAdapting()
	if echo, err = reg.AddObject(echoName, echoID, nil); err != nil {
		return nil, nil, err
	}
	_, err = reg.AddObject(replyName, replyID, nil)
	return reg, echo, err
}
