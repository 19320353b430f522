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
	last map[string]uint64 // by room; "": of the user's own
}

// send sends a packet to the member, and notes it. An export of the member's session has both,
// or neither: it asks for the marks when nothing can be sent in the session any more.
func (d *durableMarks) send(m room.Member, e *peer.Encoded, room string, seq uint64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := sendHere(m, e); err != nil {
		return err
	}
	if d.last == nil {
		d.last = make(map[string]uint64)
	}
	d.last[room] = seq
	return nil
}

// of is the mark of a room.
func (d *durableMarks) of(room string) uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last[room]
}

// append appends the marks to b: [room, number, ...].
func (d *durableMarks) append(b []byte) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	b = codec.AppendArrayHeader(b, 2*len(d.last))
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
	if err != nil || n%2 != 0 || n/2 > maxRooms {
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
