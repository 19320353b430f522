package cluster

// What nodes tell each other about sessions, and how sessions are named by where they began.

import (
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/session"
)

// Kinds of messages about sessions. On a node's own conn: about, ask, took and left for what it
// has asked, push. The other node answers: give or not, and took or not for a push.
const (
	travelAbout = iota // origin, or nothing where sessions stay; address; why is 1 while the node drains
	travelAsk          // id, proof
	travelGive         // the session
	travelNot          // the node that has it, or nothing; why
	travelTook         // the session is at the other node
	travelLeft         // it is not
	travelPush         // the session, which was not asked for
	travelKinds
)

// Why a node does not give a session.
const (
	notHere = iota // it has it not, or the claim is wrong
	notNow         // it cannot tell, or cannot give it now
)

// travelMessage is one of them: [kind, number, a, b, why].
type travelMessage struct {
	kind   uint64
	number uint64
	a, b   []byte
	why    uint64
}

func (m *travelMessage) append(b []byte) []byte {
	b = codec.AppendUint(codec.AppendArrayHeader(b, 5), m.kind)
	b = codec.AppendUint(b, m.number)
	b = codec.AppendBytes(codec.AppendBytes(b, m.a), m.b)
	return codec.AppendUint(b, m.why)
}

// send sends the message on a conn between nodes.
func (m *travelMessage) send(c *peer.Conn) error {
	b := codec.AppendUint(codec.AppendArrayHeader(nil, 2), toldSession)
	return c.SendExtension(Feature, codec.AppendBytes(b, m.append(nil)))
}

// readTravel reads a message. a and b lie in what is read.
func readTravel(b []byte) (m travelMessage, err error) {
	n, b, err := codec.ReadArrayHeader(b)
	if err != nil || n != 5 {
		return m, errTold
	}
	if m.kind, b, err = codec.ReadUint(b); err != nil || m.kind >= travelKinds {
		return m, errTold
	}
	if m.number, b, err = codec.ReadUint(b); err != nil {
		return m, errTold
	}
	if m.a, b, err = codec.ReadText(b); err != nil {
		return m, errTold
	}
	if m.b, b, err = codec.ReadText(b); err != nil {
		return m, errTold
	}
	if m.why, b, err = codec.ReadUint(b); err != nil || len(b) > 0 {
		return m, errTold
	}
	return m, nil
}

// origin is where a session began: the first two parts of its id.
type origin struct {
	node  uint16
	epoch uint32
}

// originSize is the size of an origin in a message, in bytes, and idSize that of an id.
const (
	originSize = 2 + 4
	idSize     = originSize + 8
)

// newOrigin is one that no other node has, nor this one at another start.
func newOrigin(name string) origin {
	h := fnv.New32a()
	h.Write([]byte(name))
	return origin{uint16(h.Sum32()), rand.Uint32()}
}

func (o origin) bytes() []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(nil, o.node), o.epoch)
}

func readOrigin(b []byte) (o origin, ok bool) {
	if len(b) != originSize {
		return o, false
	}
	return origin{binary.BigEndian.Uint16(b), binary.BigEndian.Uint32(b[2:])}, true
}

func idBytes(id session.ID) []byte {
	return binary.BigEndian.AppendUint64(origin{id.Node, id.Epoch}.bytes(), id.Seq)
}

func readID(b []byte) (id session.ID, ok bool) {
	if len(b) != idSize {
		return id, false
	}
	o, _ := readOrigin(b[:originSize])
	return session.ID{Node: o.node, Epoch: o.epoch, Seq: binary.BigEndian.Uint64(b[originSize:])}, true
}
