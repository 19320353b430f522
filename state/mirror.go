package state

// Mirror: the side that follows.

import (
	"iter"
	"sync"

	"github.com/packetmq/packetmq/peer"
)

// MirrorConfig has the settings of a Mirror. The zero value, and nil, mean the defaults.
type MirrorConfig[T any] struct {
	// Set, if set, is called when a key has a value, on the conn's loop, after the Mirror
	// has it. v is valid during the call, and must not be changed.
	Set func(c *peer.Conn, v *T)

	// Deleted, if set, is called when a key has no value any more, with the last one that
	// it had, on the conn's loop. v is valid during the call.
	Deleted func(c *peer.Conn, key uint64, last *T)

	// Synced, if set, is called when a snapshot is complete, on the conn's loop, after Set
	// for what it has and Deleted for what it has not.
	Synced func(c *peer.Conn)

	// Conn says whether the Mirror follows what comes on a conn. It is for a peer that has
	// conns to several others, with a Mirror for each. It is called on the conn's loop when
	// a snapshot begins. Default: all.
	Conn func(c *peer.Conn) bool

	// Keys is how many keys the Mirror may have. A conn that brings more ends with a
	// *LimitError. Twice as many as the State has is always enough; a reader that is far
	// behind may be told of new keys before it is told which are gone.
	// Default: 262,144.
	Keys int

	// Bytes is how many bytes the values of the Mirror may have, encoded, and 64 for each
	// of them. A conn that brings more ends with a *LimitError.
	// Default: 64 MiB.
	Bytes int
}

// entrySize is what a value counts towards MirrorConfig.Bytes besides its payload.
const entrySize = 64

// Mirror is a map of the values that the other side's State has, as far as this side sees
// them. Any goroutine may use it.
//
// When the conn is lost the Mirror stays as it is, and Synced tells that it is not up to date.
// The snapshot on the next conn replaces it: what that has not is deleted when it is complete,
// or as soon as there is no room for both.
// Of several conns that bring values, the one whose snapshot began last counts.
type Mirror[T any] struct {
	// Set once.
	host *host
	def  *definition[T]
	cfg  MirrorConfig[T]
	size []paddedSize // of the payload that is being handled, by loop; each is its loop's

	mu sync.RWMutex

	// Guarded by mu.
	entries map[uint64]*entry[T]
	bytes   int
	turn    uint64 // of the last snapshot
	synced  bool
}

// entry is a value.
type entry[T any] struct {
	value T
	turn  uint64 // the snapshot in which it was told, or since when
	size  int
}

// paddedSize is a number that shares no cache line.
type paddedSize struct {
	n int
	_ [56]byte
}

// NewMirror makes a Mirror of what comes to h. Like New it should be called before h has
// conns, unless those were made after Enable: what comes on them for the packet, and was
// followed by no Mirror, begins again with a snapshot. It takes over the packet's handler. Of several Mirrors of one packet, each conn is
// followed by the one that was made last of those whose MirrorConfig.Conn takes it.
//
// It panics, as peer.Handle does, if h is no peer or the packet is not in its registry.
func NewMirror[T any](h peer.Host, pkt Packet[T], cfg *MirrorConfig[T]) *Mirror[T] {
	pkt.mustDefine("NewMirror")
	p := mustPeer(h)
	if cfg == nil {
		cfg = new(MirrorConfig[T])
	}
	m := &Mirror[T]{host: hostOf(p), def: pkt.def, cfg: *cfg, entries: make(map[uint64]*entry[T]),
		size: make([]paddedSize, len(p.Reactor().Loops()))}
	setDefault(&m.cfg.Keys, 2*DefaultKeys)
	setDefault(&m.cfg.Bytes, DefaultBytes)
	peer.Handle(h, pkt.Packet(), m.handle, peer.Around(m.measure))
	m.host.addMirror(pkt.Name(), m)
	m.host.adopt(pkt.Name())
	return m
}

// measure notes how long the payload of a value is, for handle.
func (m *Mirror[T]) measure(next peer.Next) peer.Next {
	return func(in *peer.Incoming) error {
		m.size[in.Conn().Loop().Index()].n = in.Size()
		return next(in)
	}
}

// handle takes a value, for this Mirror or for another one of the packet.
func (m *Mirror[T]) handle(c *peer.Conn, v *T) error {
	side, _ := sideSlot.Get(c)
	if side == nil || side.gone {
		return ErrOrder
	}
	in := side.byName[m.def.packet.Name()]
	if in == nil || !in.begun {
		return ErrOrder
	}
	if of, ok := in.mirror.(*Mirror[T]); ok {
		return of.set(c, in, v, m.size[c.Loop().Index()].n)
	}
	return nil
}

func (m *Mirror[T]) set(c *peer.Conn, in *inlet, v *T, size int) error {
	gone, err := m.put(in, m.def.key(v), v, size+entrySize)
	m.tell(c, gone)
	if err != nil {
		return err
	}
	if m.cfg.Set != nil && m.follows(in) {
		m.cfg.Set(c, v)
	}
	return nil
}

// put makes v the value of a key, unless another conn has taken over. gone is what had to make
// room for it.
func (m *Mirror[T]) put(in *inlet, key uint64, v *T, size int) (gone []removed[T], err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if in.turn != m.turn {
		return nil, nil
	}
	err = m.checkRoom(key, size)
	if err != nil && !m.synced { // what the snapshot replaces need not stay until it is complete
		gone = m.takeOld(m.turn)
		err = m.checkRoom(key, size)
	}
	if err != nil {
		return gone, err
	}
	e := m.entries[key]
	if e == nil {
		e = new(entry[T])
		m.entries[key] = e
	}
	m.bytes += size - e.size
	e.value, e.turn, e.size = *v, m.turn, size
	return gone, nil
}

// checkRoom returns an error if there is no room for a value of a key. mu is held.
func (m *Mirror[T]) checkRoom(key uint64, size int) error {
	e, bytes := m.entries[key], m.bytes+size
	if e != nil {
		bytes -= e.size
	}
	switch {
	case e == nil && len(m.entries) >= m.cfg.Keys:
		return &LimitError{"keys", m.cfg.Keys}
	case bytes > m.cfg.Bytes:
		return &LimitError{"bytes", m.cfg.Bytes}
	}
	return nil
}

func (m *Mirror[T]) follows(in *inlet) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return in.turn == m.turn
}

func (m *Mirror[T]) takes(c *peer.Conn) bool { return m.cfg.Conn == nil || m.cfg.Conn(c) }

// begin begins a snapshot, which replaces everything.
func (m *Mirror[T]) begin(_ *peer.Conn, in *inlet) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turn++
	in.turn, m.synced = m.turn, false
}

func (m *Mirror[T]) remove(c *peer.Conn, in *inlet, msg *message) {
	m.mu.Lock()
	var gone []removed[T]
	if in.turn == m.turn {
		for msg.keys > 0 {
			key := msg.nextKey()
			if e := m.entries[key]; e != nil {
				gone = m.take(gone, key, e)
			}
		}
	}
	m.mu.Unlock()
	m.tell(c, gone)
}

// complete ends a snapshot: what it has not told is gone.
func (m *Mirror[T]) complete(c *peer.Conn, in *inlet) {
	m.mu.Lock()
	if in.turn != m.turn {
		m.mu.Unlock()
		return
	}
	gone := m.takeOld(m.turn)
	m.synced = true
	m.mu.Unlock()
	m.tell(c, gone)
	if m.cfg.Synced != nil && m.follows(in) {
		m.cfg.Synced(c)
	}
}

// end has the Mirror empty, since this side follows the state no more.
func (m *Mirror[T]) end(c *peer.Conn, in *inlet) {
	m.mu.Lock()
	var gone []removed[T]
	if in.turn == m.turn {
		m.turn++ // what comes now is of no snapshot
		m.synced = false
		gone = m.takeOld(m.turn)
	}
	m.mu.Unlock()
	m.tell(c, gone)
}

func (m *Mirror[T]) lost(in *inlet) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if in.turn == m.turn {
		m.synced = false
	}
}

// removed is a value that is gone.
type removed[T any] struct {
	key   uint64
	entry *entry[T]
}

// take takes out an entry. mu is held.
func (m *Mirror[T]) take(gone []removed[T], key uint64, e *entry[T]) []removed[T] {
	delete(m.entries, key)
	m.bytes -= e.size
	return append(gone, removed[T]{key, e})
}

// takeOld takes out all entries that the snapshot of a turn has not told. mu is held.
func (m *Mirror[T]) takeOld(turn uint64) (gone []removed[T]) {
	for key, e := range m.entries {
		if e.turn != turn {
			gone = m.take(gone, key, e)
		}
	}
	return gone
}

// tell tells the program of values that are gone. The rest is told by a deferred function: if
// one call panics or ends its goroutine, the others come all the same.
func (m *Mirror[T]) tell(c *peer.Conn, gone []removed[T]) {
	if m.cfg.Deleted == nil {
		return
	}
	told := 0
	defer func() {
		if told < len(gone) {
			m.tell(c, gone[told:])
		}
	}()
	for told < len(gone) {
		r := gone[told]
		told++
		m.cfg.Deleted(c, r.key, &r.entry.value)
	}
}

// Get returns the value of a key. ok is false if it has none. What the value points to must
// not be changed.
func (m *Mirror[T]) Get(key uint64) (v T, ok bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if e := m.entries[key]; e != nil {
		return e.value, true
	}
	return v, false
}

// Len is how many keys have a value.
func (m *Mirror[T]) Len() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.entries)
}

// All returns the values at this moment, by their keys, in no order.
func (m *Mirror[T]) All() iter.Seq2[uint64, T] {
	return func(yield func(uint64, T) bool) {
		m.mu.RLock()
		keys, values := make([]uint64, 0, len(m.entries)), make([]T, 0, len(m.entries))
		for key, e := range m.entries {
			keys, values = append(keys, key), append(values, e.value)
		}
		m.mu.RUnlock()
		for i, key := range keys {
			if !yield(key, values[i]) {
				return
			}
		}
	}
}

// Synced reports whether a snapshot is complete, and changes to it come on a conn that is not
// lost.
func (m *Mirror[T]) Synced() bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.synced
}

// Close has the Mirror follow nothing that begins from now on. It keeps what it has.
func (m *Mirror[T]) Close() { m.host.removeMirror(m.def.packet.Name(), m) }
