package state

import (
	"bytes"
	"testing"
)

// What is read is written again to the same bytes, if it was in its shortest form, and nothing
// panics.
func FuzzMessage(f *testing.F) {
	f.Add(appendBegins(nil, 3, "game:pos"))
	f.Add(appendTick(nil, ticked, 1, 1<<40))
	f.Add(appendTick(nil, acks, 300, 7))
	f.Add(appendRemoves(nil, 0, []uint64{1, 1 << 63, 0}))
	f.Add(appendEnds(nil, 5))
	f.Add([]byte{0x93, 0, 0, 0xd9, 2, 'a', 'b'})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := readMessage(b)
		if err != nil {
			return
		}
		again := write(m)
		m2, err := readMessage(again)
		if err != nil || !bytes.Equal(write(m2), again) {
			t.Errorf("%x was read, written as %x, and then %v", b, again, err)
		}
	})
}

// write is the payload of a message.
func write(m message) []byte {
	switch m.kind {
	case begins:
		return appendBegins(nil, m.stream, string(m.name))
	case removes:
		var keys []uint64
		for m.keys > 0 {
			keys = append(keys, m.nextKey())
		}
		return appendRemoves(nil, m.stream, keys)
	case ends:
		return appendEnds(nil, m.stream)
	}
	return appendTick(nil, m.kind, m.stream, m.n)
}
