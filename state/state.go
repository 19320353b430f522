package state

// State: the side that has the values.

import (
	"fmt"
	"sync"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/room"
)

// State is values of type T by their keys, and the readers that follow them. Any goroutine may
// use it.
type State[T any] struct {
	source *source
	def    *definition[T]
	flat   []T // copies of the values by their slots, if def.flat; guarded by source.mu
}

// New makes a State whose readers are the members of a room, who are refused if they are
// neither conns nor Sessions, or if their other sides have no FeatureState: that is logged and
// counted in Stats. Join adds readers that are not in the room.
//
// The first State and the first Mirror of a peer should be made before it has conns; see
// Enable. New panics if the packet is not in the registry of the room's peer, or has an
// object with hooks for sending, which the values would pass by; and for the zero Room.
func New[T any](r room.Room, pkt Packet[T], options ...Option) *State[T] {
	if r.Peer() == nil {
		panic("state: New: " + room.ErrNoRoom.Error())
	}
	st := newState("New", r.Peer(), pkt, options)
	st.source.follow(r)
	return st
}

// NewFor makes a State whose readers are those conns of h, and Sessions, that Join. It panics
// where New does, or if h is no peer.
func NewFor[T any](h peer.Host, pkt Packet[T], options ...Option) *State[T] {
	return newState("NewFor", mustPeer(h), pkt, options)
}

func newState[T any](call string, p *peer.Peer, pkt Packet[T], options []Option) *State[T] {
	pkt.mustDefine(call)
	t := pkt.Packet().In(p.Registry())
	if t == nil {
		panic("state: " + call + ": " + pkt.Name() + " is not in the peer's registry")
	}
	if h := t.Hooks(); h != nil && (h.Send != nil || h.Encode != nil) {
		panic("state: " + call + ": the object of " + pkt.Name() + " has hooks for sending")
	}
	return &State[T]{source: newSource(p, pkt.Packet(), t, configOf(options)), def: pkt.def}
}

// encoders have the memory in which values are encoded.
var encoders = sync.Pool{New: func() any { return new([]byte) }}

var encoding codec.Msgpack

// Set makes v the value of its key. Readers are told at their next ticks, unless the value is
// the same as before, and only the newest value then. v is the caller's again when Set
// returns: it is encoded, once for all readers.
//
// The errors are a *LimitError for one key more than Config.Keys, ErrClosed, and what is wrong
// with a value that cannot be encoded. Nothing has changed then.
func (st *State[T]) Set(v *T) error {
	if v == nil {
		return fmt.Errorf("state: %w value", peer.ErrNil)
	}
	key := st.def.key(v)
	buf := encoders.Get().(*[]byte)
	defer encoders.Put(buf)
	payload, err := encoding.Append((*buf)[:0], v)
	if err != nil {
		return err
	}
	*buf = payload
	if most := st.source.packet.Options().MaxSize; most > 0 && len(payload) > most {
		return &peer.SizeError{Packet: st.source.packet.Name(), Length: len(payload) + codec.IDSize, Max: most + codec.IDSize}
	}
	return st.set(key, v, payload)
}

func (st *State[T]) set(key uint64, v *T, payload []byte) error {
	s := st.source
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &s.table
	if s.closed {
		return ErrClosed
	}
	if t.values >= s.cfg.Keys {
		if _, old := t.value(key); old == nil {
			return &LimitError{"keys", s.cfg.Keys}
		}
	}
	at, changed := t.set(key, payload)
	if !changed {
		return nil
	}
	if st.def.flat {
		if n := len(t.slots); n > len(st.flat) {
			st.flat = append(st.flat, make([]T, n-len(st.flat))...)
		}
		st.flat[at] = *v
	}
	s.changed()
	return nil
}

// Delete removes a key. Readers are told at their next ticks. It returns false if the key has
// no value.
func (st *State[T]) Delete(key uint64) bool {
	s := st.source
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.table.remove(key)
	if !ok || s.closed {
		return ok
	}
	if st.def.flat {
		var zero T
		st.flat[at] = zero
	}
	s.changed()
	return true
}

// Get returns a copy of the value of a key. ok is false if it has none.
func (st *State[T]) Get(key uint64) (v T, ok bool) {
	s := st.source
	s.mu.Lock()
	at, payload := s.table.value(key)
	if payload == nil {
		s.mu.Unlock()
		return v, false
	}
	if st.def.flat {
		v = st.flat[at]
		s.mu.Unlock()
		return v, true
	}
	payload = append([]byte(nil), payload...)
	s.mu.Unlock()
	return v, encoding.Decode(payload, &v) == nil
}

// Len is how many keys have a value.
func (st *State[T]) Len() int {
	st.source.mu.Lock()
	defer st.source.mu.Unlock()
	return st.source.table.values
}

// Join makes m a reader: a *peer.Conn of the State's peer, or a Session. It does nothing if m
// is one already. A conn that is a reader of several States of one packet is sent the one
// that it became a reader of last, until it is a reader of that no more.
//
// The errors are ErrNoFeature and ErrNoPacket for a conn whose other side cannot follow;
// peer.ErrClosed for one whose conversation has ended; ErrNoReader; ErrClosed. A conn whose
// handshake is not complete is looked at when it is, and what is wrong is logged then, and
// counted in Stats.
func (st *State[T]) Join(m room.Member) error { return st.source.join(m) }

// Leave takes back Join. The reader's mirror is empty then, unless m is in the State's room,
// too, or a reader of another State of the packet. It returns false if m had not joined.
func (st *State[T]) Leave(m room.Member) bool { return st.source.leave(m) }

// View has m see only those values for which sees returns true; nil is all. A value that
// leaves the view is removed at m. It is asked about a value when that changes, about all when
// View or Review is called, and only on the loop of m's conn. To hide values from m from the
// beginning, call View before m is a reader.
//
// sees gets a copy of the value, as a mirror has it, which it must not keep. It may call
// everything. A panic in it ends the conn.
//
// The errors are those of Join.
func (st *State[T]) View(m room.Member, sees func(v *T) bool) error {
	if sees == nil {
		return st.source.setView(m, nil)
	}
	return st.source.setView(m, func() judge { return &view[T]{state: st, ask: sees} })
}

// Review has m's view asked again about all values, since what it depends on has changed. It
// returns false if m is no reader and has no view.
func (st *State[T]) Review(m room.Member) bool { return st.source.reviewed(m) }

// Close ends the State: its readers follow it no more, and their mirrors are empty. Close may
// be called more than once.
func (st *State[T]) Close() { st.source.close() }

// Stats returns what the State has counted.
func (st *State[T]) Stats() Stats { return st.source.stats() }
