package state

// batch: copies of what a reader may have to be told, so that no lock is held while it is
// judged and sent.

import "sync"

// change is a key that a reader may have to be told.
type change struct {
	key     uint64
	slot    int32
	news    bool  // the reader was not told of this version
	removed bool  // there is no value
	send    bool  // the reader is to be sent the value
	at, end int32 // of the value in batch.bytes
}

// batch is some changes, in any order, and each slot once at most.
type batch struct {
	changes  []change
	bytes    []byte
	removals []uint64 // keys that the reader is to remove
	removed  []int32  // their slots
}

var batches = sync.Pool{New: func() any { return new(batch) }}

func (b *batch) reset() {
	b.changes, b.bytes = b.changes[:0], b.bytes[:0]
	b.removals, b.removed = b.removals[:0], b.removed[:0]
}

// release gives the memory back.
func (b *batch) release() {
	b.reset()
	batches.Put(b)
}

// add adds the change of a slot. The table's lock is held.
func (b *batch) add(at int32, s *slot, news bool, judge judge) {
	c := change{key: s.key, slot: at, news: news, removed: s.payload == nil, at: int32(len(b.bytes))}
	b.bytes = append(b.bytes, s.payload...)
	c.end = int32(len(b.bytes))
	b.changes = append(b.changes, c)
	if judge != nil {
		judge.take(at)
	}
}

func (b *batch) payload(c *change) []byte { return b.bytes[c.at:c.end:c.end] }

// judge is what a reader's view makes of values: take is called for each change of a batch
// with the table's lock held, and then sees for each of them without, by its number.
type judge interface {
	take(at int32)
	sees(n int, payload []byte) bool
	reset()
}
