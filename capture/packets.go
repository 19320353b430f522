package capture

// Packets: the packets in the bytes of a capture, with their names, as far as the conns have
// told them.

import (
	"encoding/binary"
	"fmt"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// Packet is a frame of a conn.
type Packet struct {
	Conn    uint64
	Out     bool // it was sent
	ID      uint16
	Name    string // empty: the conn has not told it
	Payload []byte // valid until the next call of Add
}

// Value is the payload, decoded as codec.Msgpack.DecodeAny does it. Heartbeats, packets of
// sessions, and what programs send raw, need not be msgpack.
func (p *Packet) Value() (any, error) { return decodeAny(p.Payload) }

// Packets finds the packets in the records of a capture. The zero value is ready. For each conn
// that is open it keeps the names, and the part of a frame that has come, at most MaxFrame
// bytes.
type Packets struct {
	// MaxFrame is the largest frame that is gathered, in bytes. The bytes of a conn after a
	// larger one are left out. Default: 16 MiB.
	MaxFrame int

	conns map[uint64]*packetConn
	found []Packet
}

// packetConn is what Packets has of a conn.
type packetConn struct {
	names map[uint16]string
	dirs  [2]packetStream
}

// packetStream is one direction.
type packetStream struct {
	rest   []byte // of a frame that is not whole
	broken bool
}

// defaultMaxFrame is the default of Packets.MaxFrame.
const defaultMaxFrame = 16 << 20

// Add takes the next record, and returns the packets that are whole with it. The slice and the
// payloads are valid until the next call.
func (p *Packets) Add(r *Record) []Packet {
	p.found = p.found[:0]
	switch r.Kind {
	case Opened:
		if p.conns == nil {
			p.conns = make(map[uint64]*packetConn)
		}
		c := &packetConn{names: make(map[uint16]string)}
		c.dirs[0].broken, c.dirs[1].broken = r.Continued, r.Continued // it may begin in a frame
		p.conns[r.Conn] = c
	case Input:
		p.take(r, false)
	case Output:
		p.take(r, true)
	case Closed:
		delete(p.conns, r.Conn)
	case Gap:
		clear(p.conns)
	}
	return p.found
}

// take finds the packets in the bytes of a record.
func (p *Packets) take(r *Record, out bool) {
	c := p.conns[r.Conn]
	if c == nil {
		return
	}
	s := &c.dirs[0]
	if out {
		s = &c.dirs[1]
	}
	if s.broken {
		return
	}
	b := r.Data
	if len(s.rest) > 0 {
		s.rest = append(s.rest, b...)
		b = s.rest
	}
	gathered := len(b)
	for len(b) >= codec.HeaderSize {
		n := codec.LengthSize + int64(binary.BigEndian.Uint32(b))
		if n < codec.HeaderSize || n > int64(p.maxFrame()) {
			s.broken, s.rest = true, nil
			return
		}
		if int64(len(b)) < n {
			break
		}
		p.frame(c, r.Conn, out, codec.Frame(b[codec.LengthSize:n]))
		b = b[n:]
	}
	if len(s.rest) > 0 && len(b) == gathered { // nothing was whole
		return
	}
	s.rest = append([]byte(nil), b...) // a copy: packets of this call lie in what it was
}

func (p *Packets) maxFrame() int {
	if p.MaxFrame > 0 {
		return p.MaxFrame
	}
	return defaultMaxFrame
}

// frame adds a packet.
func (p *Packets) frame(c *packetConn, conn uint64, out bool, f codec.Frame) {
	packet := Packet{Conn: conn, Out: out, ID: f.ID(), Payload: f.Payload()}
	switch packet.ID {
	case registry.IDInit:
		packet.Name = registry.NameInit
	case registry.IDSoftquit:
		packet.Name = registry.NameSoftquit
	case registry.IDPubIDs:
		packet.Name = registry.NamePubIDs
		if told, ok := readPubIDs(packet.Payload); ok && !told.adapts {
			c.names = told.ids
		}
	case registry.IDFinish:
		packet.Name = registry.NameFinish
	case registry.IDPing:
		packet.Name = "packetmq:ping"
	case registry.IDPong:
		packet.Name = "packetmq:pong"
	default:
		packet.Name = c.names[packet.ID]
		if packet.Name == "" && packet.ID == registry.IDUpdate {
			packet.Name = "packetmq:update"
			for id, name := range readUpdate(packet.Payload) {
				if c.names[id] == "" {
					c.names[id] = name
				}
			}
		}
	}
	p.found = append(p.found, packet)
}

// Label is the packet's name, or its id where it is not known.
func (p *Packet) Label() string {
	if p.Name != "" {
		return p.Name
	}
	return fmt.Sprintf("id %d", p.ID)
}
