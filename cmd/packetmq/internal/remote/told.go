package remote

// Told: what a side tells of itself in the handshake, as PROTOCOL.md, sections 4 and 10, has
// it.

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// Told is what a side tells of itself.
type Told struct {
	Version   uint64   `json:"version"`             // of the protocol
	MaxFrame  uint64   `json:"max_frame,omitempty"` // the largest frame that it takes, in bytes; 0: it does not say
	Heartbeat bool     `json:"heartbeat"`           // it answers heartbeats
	Auth      bool     `json:"auth"`                // it asks for a token
	Features  []string `json:"features"`            // abilities beyond the original protocol
	Adapts    bool     `json:"adapts"`              // it takes over the other side's ids
	Program   string   `json:"program,omitempty"`   // what the program calls its version
	Packets   []Packet `json:"packets"`             // those of the program, by their ids
}

// Packet is one that a side has.
type Packet struct {
	Name     string `json:"name"`
	ID       int    `json:"id"`
	Optional bool   `json:"optional,omitempty"`
	Shape    uint32 `json:"shape,omitempty"` // hash of its type; 0: the side does not tell, or it has none
}

// featureNames are the names of the features, by their bits.
var featureNames = []string{"optional packets", "shapes", "program version", "sessions", "states", "tracing"}

// Bits of features whose details are read.
const (
	featureOptional = iota
	featureShapes
	featureProgram
)

// errForm is a payload that is not of the form that the protocol says.
var errForm = errors.New("remote: the handshake is not that of packetmq")

// each calls f for each pair of a map, with what follows the key. f returns what follows the
// value.
func each(b []byte, f func(key string, b []byte) ([]byte, error)) ([]byte, error) {
	n, b, err := codec.ReadMapHeader(b)
	for ; err == nil && n > 0; n-- {
		var key []byte
		if key, b, err = codec.ReadText(b); err == nil {
			b, err = f(string(key), b)
		}
	}
	return b, err
}

// readInit reads the payload of a handshake_init.
func (t *Told) readInit(b []byte) error {
	_, err := each(b, func(key string, b []byte) (rest []byte, err error) {
		var bits uint64
		switch key {
		case "version":
			t.Version, rest, err = codec.ReadUint(b)
		case "maxframe":
			t.MaxFrame, rest, err = codec.ReadUint(b)
		case "heartbeat":
			t.Heartbeat, rest, err = codec.ReadBool(b)
		case "auth":
			t.Auth, rest, err = codec.ReadBool(b)
		case "features":
			bits, rest, err = codec.ReadUint(b)
			t.Features = featuresOf(bits)
		default:
			return codec.Skip(b)
		}
		if err != nil { // of another kind, which counts as missing
			return codec.Skip(b)
		}
		return rest, nil
	})
	if err != nil || t.Version == 0 {
		return errForm
	}
	return nil
}

func featuresOf(bits uint64) (names []string) {
	for bit := range 64 {
		switch {
		case bits>>bit&1 == 0:
		case bit < len(featureNames):
			names = append(names, featureNames[bit])
		default:
			names = append(names, fmt.Sprint("bit ", bit))
		}
	}
	return names
}

// readPubIDs reads the payload of a handshake_pubids.
func (t *Told) readPubIDs(b []byte) error {
	details := make(map[uint64][]byte)
	var packets, optional []Packet
	_, err := each(b, func(key string, b []byte) (rest []byte, err error) {
		switch key {
		case "adapt":
			if t.Adapts, rest, err = codec.ReadBool(b); err != nil { // the Python library may have 0 and 1
				var n uint64
				n, rest, err = codec.ReadUint(b)
				t.Adapts = n == 1
			}
		case "idmap":
			packets, rest, err = readIDs(b)
		case "details":
			rest, err = readDetails(b, details)
		default:
			return codec.Skip(b)
		}
		return rest, err
	})
	if err == nil && details[featureOptional] != nil {
		optional, _, err = readIDs(details[featureOptional])
	}
	if err != nil {
		return errForm
	}
	for i := range optional {
		optional[i].Optional = true
	}
	t.Packets = append(packets, optional...)
	t.Program = string(details[featureProgram])
	t.readShapes(details[featureShapes])
	t.Packets = slices.DeleteFunc(t.Packets, func(p Packet) bool { return p.ID <= registry.IDFinish })
	slices.SortStableFunc(t.Packets, func(a, b Packet) int { return a.ID - b.ID })
	return nil
}

// readIDs reads a map of names and ids.
func readIDs(b []byte) (packets []Packet, rest []byte, err error) {
	rest, err = each(b, func(name string, b []byte) ([]byte, error) {
		id, rest, err := codec.ReadUint(b)
		if id > registry.MaxID {
			err = errForm
		}
		packets = append(packets, Packet{Name: name, ID: int(id)})
		return rest, err
	})
	return packets, rest, err
}

// readDetails reads a map of bits to what is told of their features.
func readDetails(b []byte, into map[uint64][]byte) ([]byte, error) {
	n, b, err := codec.ReadMapHeader(b)
	for ; err == nil && n > 0; n-- {
		var bit uint64
		if bit, b, err = codec.ReadUint(b); err != nil {
			break
		}
		detail, rest, textErr := codec.ReadText(b)
		if textErr != nil {
			if rest, err = codec.Skip(b); err != nil {
				break
			}
		}
		into[bit], b = detail, rest
	}
	return b, err
}

// readShapes gives the packets, which are still in the order of the handshake, their shapes.
func (t *Told) readShapes(b []byte) {
	const size = 4
	if len(b) != size*len(t.Packets) {
		return
	}
	for i := range t.Packets {
		t.Packets[i].Shape = binary.BigEndian.Uint32(b[size*i:])
	}
}
