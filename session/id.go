package session

// ID: what a session is called, in text and on the wire.

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// ID names a session: the node that began it, the node's epoch, and a number that is never
// used again in that epoch. It tells nothing about who may resume the session. IDs may be
// compared, and be keys of maps. The zero ID names none.
type ID struct {
	Node  uint16 // Config.Node of the server that began it
	Epoch uint32 // Config.Epoch of that server
	Seq   uint64 // from 1
}

// idSize is the size of an ID on the wire, in bytes.
const idSize = 2 + 4 + 8

// String is the ID as text, "node-epoch-seq" in decimals, which ParseID reads.
func (id ID) String() string { return fmt.Sprintf("%d-%d-%d", id.Node, id.Epoch, id.Seq) }

// MarshalText is String, for encoding packages.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText is ParseID, for encoding packages.
func (id *ID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseID(string(text))
	return err
}

// ParseID reads what String writes, and nothing else. The error is an *IDError.
func ParseID(text string) (ID, error) {
	parts := strings.Split(text, "-")
	if len(parts) != 3 {
		return ID{}, &IDError{text}
	}
	var n [3]uint64
	for i, bits := range [...]int{16, 32, 64} {
		var err error
		if n[i], err = strconv.ParseUint(parts[i], 10, bits); err != nil || strconv.FormatUint(n[i], 10) != parts[i] {
			return ID{}, &IDError{text}
		}
	}
	return ID{uint16(n[0]), uint32(n[1]), n[2]}, nil
}

func (id ID) compare(other ID) int {
	return cmp.Or(cmp.Compare(id.Node, other.Node), cmp.Compare(id.Epoch, other.Epoch), cmp.Compare(id.Seq, other.Seq))
}

func (id ID) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, id.Node)
	b = binary.BigEndian.AppendUint32(b, id.Epoch)
	return binary.BigEndian.AppendUint64(b, id.Seq)
}

// readID reads the ID that b, of idSize bytes at least, begins with.
func readID(b []byte) ID {
	return ID{binary.BigEndian.Uint16(b), binary.BigEndian.Uint32(b[2:]), binary.BigEndian.Uint64(b[6:])}
}
