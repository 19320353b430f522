package state

// news: what has changed since readers were told the same. Those of a phase that keep up and
// see everything are all told it, so it is copied and put in order for the first of them only.

import "sync"

// newsSize is how many bytes of values news have at most. More are not sent in one piece.
const newsSize = 64 << 10

// news is what readers lack that were told all changes up to one version, as long as no other
// change comes. Loop only.
type news struct {
	batch
	seen, upTo uint64   // the versions; equal: there are no news yet
	payloads   [][]byte // the values, in batch
}

var allNews = sync.Pool{New: func() any { return new(news) }}

func newNews() *news { return allNews.Get().(*news) }

// release gives the memory back.
func (n *news) release() {
	n.reset()
	n.seen, n.upTo = 0, 0
	allNews.Put(n)
}

// since makes the news those of a reader that was told all changes up to seen. It returns false
// if they are more than limit or newsSize bytes, or are removals too. The table's lock is held.
func (n *news) since(seen uint64, t *table, limit int) bool {
	if n.seen == seen && n.upTo == t.version && n.seen != n.upTo {
		return true
	}
	p := position{seen: seen, told: true}
	n.reset()
	n.seen, n.upTo = 0, 0
	if t.gone.newest != none && t.slots[t.gone.newest].version > seen || !p.changes(t, min(limit, newsSize), &n.batch, nil) {
		return false
	}
	n.seen, n.upTo = seen, p.seen
	n.payloads = n.payloads[:0]
	for i := range n.changes {
		n.payloads = append(n.payloads, n.payload(&n.changes[i]))
	}
	return true
}
