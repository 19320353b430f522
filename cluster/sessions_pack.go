package cluster

// What travels with a session beside its packets: the user that it is bound to, the rooms that
// it is in, and what the program keeps with it.

import (
	"slices"
	"strings"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/session"
)

// luggage is what travels with a session.
type luggage struct {
	user  string // "": it is bound to none
	time  uint64 // of the bind
	rooms []string
	blob  []byte
	marks []byte // of durable packets

	revision uint64 // of the copy; 0 if none is kept
	owner    string // whose copy that may be: nodes with a space between them
}

// luggageFields is how many fields a luggage has before its rooms.
const luggageFields = 7

// maxRooms bounds what is read of a luggage.
const maxRooms = 1 << 16

// pack returns the luggage of a session in which nothing can be sent meanwhile. On its loop.
func (t *travel) pack(s *session.Session) []byte {
	if t.archive != nil {
		t.archive.give(s.ID()) // before the copy's revision is read
	}
	b, sends := t.packWhole(s)
	sends()
	return b
}

// packWhole returns the luggage of a session, and what lets durable packets be sent in it again.
func (t *travel) packWhole(s *session.Session) (b []byte, sends func()) {
	n := t.node
	var l luggage
	var sent *durableMarks
	n.mu.Lock()
	if b := n.users[n.names[s]]; b != nil && b.member == s {
		l.user, l.time, sent = n.names[s], b.time, b.sent
	}
	n.mu.Unlock()
	if t.archive != nil {
		k := t.archive.of(s.ID())
		t.mu.Lock()
		l.revision = k.revision
		l.owner = strings.Join(k.owners, " ")
		t.mu.Unlock()
	}
	for r := range n.rooms.Of(s) {
		l.rooms = append(l.rooms, r.Name())
	}
	if t.cfg.Pack != nil {
		l.blob = t.cfg.Pack(s)
	}
	sends = func() {}
	if sent != nil { // last: the program's function is not called with a lock
		sends = sent.lock()
		l.marks = sent.append(nil)
	}
	return l.append(nil), sends
}

func (l *luggage) append(b []byte) []byte {
	b = codec.AppendString(codec.AppendArrayHeader(b, luggageFields+len(l.rooms)), l.user)
	b = codec.AppendBytes(codec.AppendBytes(codec.AppendUint(b, l.time), l.blob), l.marks)
	b = codec.AppendString(codec.AppendUint(b, l.revision), l.owner)
	b = codec.AppendUint(b, uint64(len(l.rooms)))
	for _, r := range l.rooms {
		b = codec.AppendString(b, r)
	}
	return b
}

// readLuggage reads what append has written. The blob lies in b.
func readLuggage(b []byte) (l luggage, err error) {
	n, b, err := codec.ReadArrayHeader(b)
	if err != nil || n < luggageFields || n > luggageFields+maxRooms {
		return l, errTold
	}
	user, b, err := codec.ReadText(b)
	if err != nil {
		return l, errTold
	}
	l.user = string(user)
	if l.time, b, err = codec.ReadUint(b); err != nil {
		return l, errTold
	}
	if l.blob, b, err = codec.ReadText(b); err != nil {
		return l, errTold
	}
	if l.marks, b, err = codec.ReadText(b); err != nil {
		return l, errTold
	}
	if l.revision, b, err = codec.ReadUint(b); err != nil {
		return l, errTold
	}
	owner, b, err := codec.ReadText(b)
	if err != nil {
		return l, errTold
	}
	l.owner = string(owner)
	rooms, b, err := codec.ReadUint(b)
	if err != nil || rooms != uint64(n-luggageFields) {
		return l, errTold
	}
	for range rooms {
		var room []byte
		if room, b, err = codec.ReadText(b); err != nil {
			return l, errTold
		}
		l.rooms = append(l.rooms, string(room))
	}
	if len(b) > 0 {
		return l, errTold
	}
	return l, nil
}

// arrivedOn is arrived for the node that a conn is with.
func (t *travel) arrivedOn(c *peer.Conn) func(s *session.Session, data []byte) {
	far := streamOf(c).far
	arrived := t.arrived(far.Name)
	return func(s *session.Session, data []byte) {
		if l, err := readLuggage(data); err == nil && t.archive != nil {
			owners := append([]string{ownerOf(far)}, strings.Fields(l.owner)...)
			t.archive.note(s.ID(), l.revision, owners[:min(len(owners), maxOwners)]...)
		}
		arrived(s, data)
	}
}

// arrived returns what is called when a session has come from a node, on its loop.
func (t *travel) arrived(from string) func(s *session.Session, data []byte) {
	return func(s *session.Session, data []byte) {
		l, err := readLuggage(data)
		if err != nil {
			t.node.cfg.Logger.Warn("luggage of a session cannot be read", "session", s.ID(), "node", from)
			return
		}
		t.unpack(s, &l, from)
		if t.cfg.Arrived != nil {
			t.cfg.Arrived(Arrival{s, slices.Clone(l.blob), from})
		}
	}
}

// unpack binds a session again, and has it join its rooms again. A user who was bound to
// another session meanwhile stays with that.
func (t *travel) unpack(s *session.Session, l *luggage, from string) {
	n := t.node
	if l.user != "" {
		n.mu.Lock()
		at, known := n.dir.Where(l.user)
		n.mu.Unlock()
		if known && at.Time > l.time {
			s.End(ReasonElsewhere)
			return
		}
		sent, err := readMarks(l.marks)
		if err == nil {
			err = n.bind(s, l.user, l.time, sent)
		}
		if err != nil {
			n.cfg.Logger.Warn("user of a session was not bound", "session", s.ID(), "node", from, "err", err)
		}
	}
	for _, name := range l.rooms {
		if err := n.Room(name).Join(s); err != nil {
			n.cfg.Logger.Warn("session has not joined its room", "session", s.ID(), "room", name, "err", err)
		}
	}
}
