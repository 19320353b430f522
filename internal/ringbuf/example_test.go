package ringbuf_test

import (
	"fmt"
	"sync"

	"github.com/packetmq/packetmq/internal/ringbuf"
)

// A queue that any goroutine may add to and one goroutine drains in batches:
// one lock for many elements, and no allocation once it has settled.
type queue struct {
	mu   sync.Mutex
	ring ringbuf.Ring[string]
}

func (q *queue) add(s string) {
	q.mu.Lock()
	q.ring.Push(s)
	q.mu.Unlock()
}

func (q *queue) drain(batch []string) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.ring.PopInto(batch)
}

func Example() {
	var q queue
	for _, s := range []string{"one", "two", "three", "four", "five"} {
		q.add(s)
	}
	batch := make([]string, 2)
	for n := q.drain(batch); n > 0; n = q.drain(batch) {
		fmt.Println(batch[:n])
	}
	// Output:
	// [one two]
	// [three four]
	// [five]
}
