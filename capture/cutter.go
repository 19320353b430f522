package capture

// cutter: cuts the secrets out of the bytes of conns, in place, before they are written. It is
// used by the goroutine that writes, and by Play for the output that it compares.

import (
	"encoding/binary"
	"math"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// idSession is the id of a session's packets, see PROTOCOL section 10.
const idSession = 12

// cutter knows what is secret in the packets of a registry.
type cutter struct {
	named map[string]*secretPath // by name of the packet
	own   map[uint16]*secretPath // by the registry's own ids, for conns without a handshake
	conns map[uint64]*connCutter

	// compares has the payload of each ping that is sent cut out, which is a time, so that
	// two outputs can be the same.
	compares bool
}

func newCutter(reg *registry.Registry) *cutter {
	c := &cutter{named: make(map[string]*secretPath), own: make(map[uint16]*secretPath), conns: make(map[uint64]*connCutter)}
	if reg == nil {
		return c
	}
	table := reg.Table()
	for _, e := range table.IDs() {
		if p := secretsOf(table.Named(e.Name).GoType()); p != nil {
			c.named[e.Name], c.own[e.ID] = p, p
		}
	}
	return c
}

// opened begins with a conn of a loop.
func (c *cutter) opened(conn uint64, loop int) {
	k := &connCutter{cutter: c, loop: loop, secret: c.own}
	k.streams[0].conn, k.streams[1].conn, k.streams[1].out = k, k, true
	c.conns[conn] = k
}

// cut masks what is secret in b, the next bytes of a conn. It is not ok for a conn of which
// bytes are missing.
func (c *cutter) cut(conn uint64, out bool, b []byte) (ok bool) {
	k := c.conns[conn]
	switch {
	case k == nil:
		return false
	case out:
		k.streams[1].cut(b)
	default:
		k.streams[0].cut(b)
	}
	return true
}

// lose is called when bytes of conns of a loop are missing.
func (c *cutter) lose(loop int) {
	for conn, k := range c.conns {
		if k.loop == loop {
			delete(c.conns, conn)
		}
	}
}

// forget is called at a conn's end.
func (c *cutter) forget(conn uint64) { delete(c.conns, conn) }

// connCutter is a conn's part of a cutter.
type connCutter struct {
	cutter  *cutter
	loop    int
	streams [2]streamCutter
	secret  map[uint16]*secretPath // by the ids of the conn
}

// noteIDs takes the ids that a side has told in pubids, if it is the one whose ids count.
func (k *connCutter) noteIDs(payload []byte) {
	if told, ok := readPubIDs(payload); ok && !told.adapts {
		k.secret = make(map[uint16]*secretPath)
		k.addIDs(told.ids)
	}
}

func (k *connCutter) addIDs(ids map[uint16]string) {
	for id, name := range ids {
		if p := k.cutter.named[name]; p != nil {
			k.secret[id] = p
		}
	}
}

// streamCutter is one direction of a conn.
type streamCutter struct {
	conn    *connCutter
	out     bool // it is output
	head    [codec.HeaderSize]byte
	gotHead int
	id      uint16
	left    int64 // bytes of the payload that are to come
	at      int   // bytes of it that have come
	mask    *masker
	from    int // the payload's bytes from here to below to are secret
	to      int
	kept    []byte // the payload of a handshake_pubids, or of an update of the ids
	keeps   bool
}

// maxKept bounds what is kept of a payload to read ids from it, in bytes: the wire's limit.
const maxKept = 64 << 10

func (s *streamCutter) cut(b []byte) {
	for len(b) > 0 {
		if b = s.pass(b); len(b) == 0 {
			return
		}
		if s.gotHead < codec.HeaderSize {
			n := copy(s.head[s.gotHead:], b)
			s.gotHead += n
			b = b[n:]
			if s.gotHead == codec.HeaderSize {
				s.beginFrame()
			}
			continue
		}
		n := int(min(s.left, int64(len(b))))
		s.payload(b[:n])
		b = b[n:]
		s.left -= int64(n)
		if s.left == 0 {
			s.endFrame()
		}
	}
}

// pass passes over the whole frames at the front of b in which nothing can be secret.
func (s *streamCutter) pass(b []byte) []byte {
	if s.gotHead > 0 || len(s.conn.secret) > 0 {
		return b
	}
	for len(b) >= codec.HeaderSize {
		n := codec.LengthSize + uint64(binary.BigEndian.Uint32(b))
		if binary.BigEndian.Uint16(b[codec.LengthSize:]) < registry.MinID || n > uint64(len(b)) || n < codec.HeaderSize {
			break
		}
		b = b[n:]
	}
	return b
}

// beginFrame begins a frame whose header has come.
func (s *streamCutter) beginFrame() {
	s.id = binary.BigEndian.Uint16(s.head[codec.LengthSize:])
	s.left = int64(binary.BigEndian.Uint32(s.head[:])) - codec.IDSize
	s.at, s.from, s.to, s.mask, s.keeps, s.kept = 0, 0, 0, nil, false, s.kept[:0]
	switch s.id {
	case registry.IDPubIDs:
		s.mask, s.keeps = &masker{path: tokenPath}, true
	case registry.IDUpdate:
		s.keeps = true
	case registry.IDPing:
		if s.out && s.conn.cutter.compares {
			s.to = math.MaxInt
		}
	default:
		if p := s.conn.secret[s.id]; p != nil {
			s.mask = &masker{path: p}
		}
	}
	if s.left <= 0 {
		s.endFrame()
	}
}

// payload takes the next bytes of the frame's payload.
func (s *streamCutter) payload(b []byte) {
	at := s.at
	s.at += len(b)
	if s.id == idSession && at < 3 && s.conn.secret[idSession] == nil {
		b = s.sessionHead(b)
		at = s.at - len(b)
	}
	if s.mask != nil {
		s.mask.mask(b)
	}
	if s.from < s.to {
		lo, hi := min(max(s.from-at, 0), len(b)), min(max(s.to-at, 0), len(b))
		for i := lo; i < hi; i++ {
			b[i] = 0
		}
	}
	if s.keeps && len(s.kept)+len(b) <= maxKept {
		s.kept = append(s.kept, b...)
	}
}

// sessionHead takes the first bytes of a packet of a session: which of its bytes are a secret,
// or what packet lies in it, whose payload is what is left of b.
func (s *streamCutter) sessionHead(b []byte) (rest []byte) {
	for len(s.kept) < 2 && len(b) > 0 {
		s.kept, b = append(s.kept, b[0]), b[1:]
	}
	if len(s.kept) < 2 {
		return b
	}
	switch kind := binary.BigEndian.Uint16(s.kept); {
	case kind == 2: // resume: kind, the id of the session, the secret
		s.from, s.to = 2+14, 2+14+16
	case kind == 3: // accepted: kind, a byte, the id of the session, the secret
		s.from, s.to = 2+1+14, 2+1+14+16
	case kind >= registry.MinID && s.mask == nil:
		if p := s.conn.secret[kind]; p != nil {
			s.mask = &masker{path: p}
		}
	}
	return b
}

func (s *streamCutter) endFrame() {
	if s.keeps {
		switch s.id {
		case registry.IDPubIDs:
			s.conn.noteIDs(s.kept)
		case registry.IDUpdate:
			s.conn.addIDs(readUpdate(s.kept))
		}
	}
	s.gotHead, s.left, s.mask = 0, 0, nil
	if s.kept = s.kept[:0]; cap(s.kept) > 64 { // of a handshake, which comes once
		s.kept = nil
	}
}
