package cluster

// Marks of durable packets: how far a session has them. They go with it to other nodes, where
// what lies in the session already is not sent in it once more.

import (
	"maps"
	"slices"
	"sync"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/room"
)

// durableMarks are the numbers of the last packets that were sent to a member.
type durableMarks struct {
	mu sync.Mutex

	// Guarded by mu.
	store int64             // when the store was made in which the numbers are: another one counts anew
	last  map[string]uint64 // by room; "": of the user's own
}

// send sends a packet to the member, and notes it. An export of the member's session has both,
// or neither: it asks for the marks when nothing can be sent in the session any more.
func (d *durableMarks) send(m room.Member, e *peer.Encoded, store int64, room string, seq uint64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := sendHere(m, e); err != nil {
		return err
	}
	if d.last == nil || d.store != store {
		d.store, d.last = store, make(map[string]uint64)
	}
	d.last[room] = seq
	return nil
}

// of is the mark of a room in a store.
func (d *durableMarks) of(store int64, room string) uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.store != store {
		return 0
	}
	return d.last[room]
}

// lock has send wait until unlock.
func (d *durableMarks) lock() (unlock func()) {
	d.mu.Lock()
	return d.mu.Unlock
}

// append appends the marks to b: [store, room, number, ...]. mu is held.
func (d *durableMarks) append(b []byte) []byte {
	b = codec.AppendInt(codec.AppendArrayHeader(b, 1+2*len(d.last)), d.store)
	for _, room := range slices.Sorted(maps.Keys(d.last)) {
		b = codec.AppendUint(codec.AppendString(b, room), d.last[room])
	}
	return b
}

// readMarks reads what append has written; of nothing there are none.
func readMarks(b []byte) (*durableMarks, error) {
	d := &durableMarks{last: make(map[string]uint64)}
	if len(b) == 0 {
		return d, nil
	}
	n, b, err := codec.ReadArrayHeader(b)
	if err != nil || n%2 != 1 || n/2 > maxRooms {
		return nil, errTold
	}
	if d.store, b, err = codec.ReadInt(b); err != nil {
		return nil, errTold
	}
	for range n / 2 {
		var room []byte
		if room, b, err = codec.ReadText(b); err != nil {
			return nil, errTold
		}
		if d.last[string(room)], b, err = codec.ReadUint(b); err != nil {
			return nil, errTold
		}
	}
	if len(b) > 0 {
		return nil, errTold
	}
	return d, nil
}
