package restart

// The messages between the old and the new process: what they are, their bytes, and their
// bounds. PROTOCOL.md has the order in which they go.

import (
	"encoding/binary"
	"fmt"

	"github.com/packetmq/packetmq/codec"
)

// version is that of the protocol. Another one is refused: the two processes are of two builds
// of one program, and the old one goes on.
const version = 1

// magic begins a hello, so that a conn of another program is found out.
const magic = "packetmq-restart"

// kind says what a message is.
type kind uint8

const (
	kindHello   kind = iota + 1 // new: magic, version
	kindSockets                 // old: names; the descriptors go along, that of the control socket first
	kindTaken                   // new: it has the sockets
	kindState                   // old: name and size of a state, whose bytes follow
	kindBytes                   // old: the next bytes of the state
	kindEnd                     // old: how many states there were
	kindReady                   // new: it could serve
	kindCommit                  // old: it will not serve any more
	kindServing                 // new: it serves from now on
	kindFailed                  // either: why it gives up
)

func (k kind) String() string {
	names := [...]string{"hello", "sockets", "taken", "state", "bytes", "end", "ready", "commit", "serving", "failed"}
	if k == 0 || int(k) > len(names) {
		return fmt.Sprintf("message %d", uint8(k))
	}
	return names[k-1]
}

// Bounds on what a side takes.
const (
	MaxListeners = 64  // listeners that are handed over
	MaxStates    = 64  // states that are handed over
	MaxName      = 255 // bytes of the name of a listener or a state

	chunk    = 64 << 10     // bytes of a state in one message
	maxWhy   = 512          // bytes of the text of a failed
	maxFrame = chunk + 1024 // the longest message: a kindBytes; sockets have at most 64 names of 255 bytes
)

// headerSize is that of a message: a length of four bytes, which counts the kind and the
// payload, and the kind.
const headerSize = 5

// appendMessage appends a whole message.
func appendMessage(b []byte, k kind, payload []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(1+len(payload)))
	return append(append(b, byte(k)), payload...)
}

// parseHeader returns what a header says.
func parseHeader(b []byte) (k kind, length int, err error) {
	n := binary.BigEndian.Uint32(b)
	if n < 1 || n > maxFrame {
		return 0, 0, &MessageError{fmt.Sprintf("a message of %d bytes", n)}
	}
	return kind(b[4]), int(n) - 1, nil
}

func appendHello(b []byte) []byte { return codec.AppendUint(codec.AppendString(b, magic), version) }

// parseHello returns the other side's version.
func parseHello(b []byte) (uint64, error) {
	text, b, err := codec.ReadText(b)
	if err != nil || string(text) != magic {
		return 0, &MessageError{"a hello of another program"}
	}
	return parseCount(kindHello, b)
}

// appendNames appends the names in a kindSockets.
func appendNames(b []byte, names []string) []byte {
	b = codec.AppendUint(b, uint64(len(names)))
	for _, name := range names {
		b = codec.AppendString(b, name)
	}
	return b
}

func parseNames(b []byte) (names []string, err error) {
	n, b, err := codec.ReadUint(b)
	if err != nil || n > MaxListeners {
		return nil, &MessageError{"sockets without a number, or too many"}
	}
	for range n {
		var name []byte
		if name, b, err = codec.ReadText(b); err != nil || len(name) > MaxName {
			return nil, &MessageError{"sockets with a name that is none, or too long"}
		}
		names = append(names, string(name))
	}
	if len(b) > 0 {
		return nil, &MessageError{"sockets with more after the names"}
	}
	return names, nil
}

func appendState(b []byte, name string, size int) []byte {
	return codec.AppendUint(codec.AppendString(b, name), uint64(size))
}

func parseState(b []byte) (name string, size uint64, err error) {
	text, b, err := codec.ReadText(b)
	if err != nil || len(text) > MaxName {
		return "", 0, &MessageError{"a state with a name that is none, or too long"}
	}
	size, err = parseCount(kindState, b)
	return string(text), size, err
}

// parseCount reads a number that ends a message.
func parseCount(k kind, b []byte) (uint64, error) {
	n, rest, err := codec.ReadUint(b)
	if err != nil || len(rest) > 0 {
		return 0, &MessageError{fmt.Sprintf("%v without its number at the end", k)}
	}
	return n, nil
}
