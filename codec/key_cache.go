package codec

// A cache of the keys of maps that come in again and again, so that a string is
// made once for each of them.

import (
	"encoding/binary"
	"sync/atomic"
)

// maxKey is the longest key that is kept, in bytes.
const maxKey = 24

// keys holds the map keys that came in more than once, so that the usual ones
// are not made again for each map. It is of fixed size, and a key that is used
// just once displaces none. Any goroutine may use it.
type keys struct {
	sets [64]struct {
		seen atomic.Uint64 // the hash of what came last and was not found
		keys [2]atomic.Pointer[string]
	}
}

// text is string(b), or a string that was made of the same bytes before.
func (s *keys) text(b []byte) string {
	if s == nil || len(b) == 0 || len(b) > maxKey {
		return string(b)
	}
	h := hash(b)
	set := &s.sets[h>>58]
	for i := range set.keys {
		if key := set.keys[i].Load(); key != nil && *key == string(b) {
			return *key
		}
	}
	if set.seen.Load() != h {
		set.seen.Store(h)
		return string(b)
	}
	key := new(string)
	*key = string(b)
	if !set.keys[0].CompareAndSwap(nil, key) {
		set.keys[1].Store(key)
	}
	return *key
}

// hash tells most keys apart by their ends. A sender who finds keys that
// collide only loses what this saves.
func hash(b []byte) uint64 {
	n := len(b)
	var x, y uint64
	switch {
	case n >= 8:
		x, y = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[n-8:])
	case n >= 4:
		x, y = uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[n-4:]))
	default:
		x, y = uint64(b[0])<<8|uint64(b[n/2]), uint64(b[n-1])
	}
	const odd1, odd2 = 0x9e3779b97f4a7c15, 0xff51afd7ed558ccd
	h := ((x+uint64(n))*odd1 ^ y) * odd2
	return (h ^ h>>32) * odd1
}
