package state

// What travels in the packets of FeatureState: small msgpack arrays that begin with a kind and
// the number of a stream. Values are packets of their own.

import (
	"fmt"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/peer"
)

// FeatureState is the feature by which one side of a conn follows a state of the other.
const FeatureState peer.Feature = 4

// kind is what a message says.
type kind uint64

const (
	begins   kind = iota // [0, stream, name]: a snapshot of the packet's values begins, which replaces all
	ticked               // [1, stream, n]: tick n ends
	complete             // [2, stream, n]: tick n ends, and the snapshot
	removes              // [3, stream, key, ...]
	ends                 // [4, stream]: the reader follows the state no more
	acks                 // [5, stream, n], from the reader: it has handled tick n
)

const (
	// maxRemovals is how many keys one message removes. More would keep the loop of a reader
	// for long; fewer cost more frames.
	maxRemovals = 256

	// beginAgain is the number of no tick. An acknowledgement of it asks for a snapshot.
	beginAgain = 0

	// maxName is the longest name of a packet.
	maxName = 256
)

// message is one of them, as it was read.
type message struct {
	kind   kind
	stream uint64
	n      uint64 // the number of a tick
	name   []byte // valid as long as the payload
	keys   int    // how many are in rest
	rest   []byte
}

// readMessage reads a payload, which may be anything.
func readMessage(b []byte) (m message, err error) {
	size, b, err := codec.ReadArrayHeader(b)
	if err != nil {
		return m, malformed(err)
	}
	k, b, err := codec.ReadUint(b)
	if err != nil {
		return m, malformed(err)
	}
	m.kind = kind(k)
	if m.stream, b, err = codec.ReadUint(b); err != nil {
		return m, malformed(err)
	}
	switch {
	case m.kind == begins && size == 3:
		m.name, b, err = codec.ReadText(b)
	case (m.kind == ticked || m.kind == complete || m.kind == acks) && size == 3:
		m.n, b, err = codec.ReadUint(b)
	case m.kind == removes && size > 2 && size <= 2+maxRemovals:
		m.keys, m.rest = size-2, b
		return m, m.checkKeys()
	case m.kind == ends && size == 2:
	default:
		return m, fmt.Errorf("%w: kind %d with %d elements", ErrMessage, k, size)
	}
	if err == nil && len(b) > 0 {
		err = codec.ErrTrailing
	}
	if err != nil {
		return m, malformed(err)
	}
	if len(m.name) > maxName {
		return m, fmt.Errorf("%w: a name of %d bytes", ErrMessage, len(m.name))
	}
	return m, nil
}

func malformed(err error) error { return fmt.Errorf("%w: %w", ErrMessage, err) }

// checkKeys reports keys that cannot be read.
func (m *message) checkKeys() (err error) {
	b := m.rest
	for range m.keys {
		if _, b, err = codec.ReadUint(b); err != nil {
			return malformed(err)
		}
	}
	if len(b) > 0 {
		return malformed(codec.ErrTrailing)
	}
	return nil
}

// nextKey takes the next of the keys, which were checked.
func (m *message) nextKey() (key uint64) {
	key, m.rest, _ = codec.ReadUint(m.rest)
	m.keys--
	return key
}

func appendHead(b []byte, size int, k kind, stream uint64) []byte {
	b = codec.AppendArrayHeader(b, size)
	b = codec.AppendUint(b, uint64(k))
	return codec.AppendUint(b, stream)
}

func appendBegins(b []byte, stream uint64, name string) []byte {
	return codec.AppendString(appendHead(b, 3, begins, stream), name)
}

// appendTick appends ticked, complete or acks.
func appendTick(b []byte, k kind, stream, n uint64) []byte {
	return codec.AppendUint(appendHead(b, 3, k, stream), n)
}

func appendRemoves(b []byte, stream uint64, keys []uint64) []byte {
	b = appendHead(b, 2+len(keys), removes, stream)
	for _, key := range keys {
		b = codec.AppendUint(b, key)
	}
	return b
}

func appendEnds(b []byte, stream uint64) []byte { return appendHead(b, 2, ends, stream) }
