package engine

import (
	"bytes"
	"testing"
)

func filled(t *testing.T, p *Pool, sizes ...int) (q queue, want []byte) {
	t.Helper()
	for i, n := range sizes {
		b := bytes.Repeat([]byte{byte(i + 1)}, n)
		q.add(p, b[:n/2], b[n/2:])
		want = append(want, b...)
	}
	if q.size() != len(want) {
		t.Fatalf("%d bytes after adding %d", q.size(), len(want))
	}
	return q, want
}

func TestQueueKeepsOrderAndParts(t *testing.T) {
	for _, sizes := range [][]int{
		nil, {1}, {10, 20, 30}, {chunk, 1}, {1, chunk}, {chunk - 1, 1, 1}, {3 * chunk, 2, chunk / 2, chunk / 2, 7},
	} {
		var p Pool
		q, want := filled(t, &p, sizes...)
		var got []byte
		rest := sizes
		for b := q.take(); b != nil; b = q.take() {
			n := 0
			for n < len(b.B) { // no part lies in two buffers
				n += rest[0]
				rest = rest[1:]
			}
			if n != len(b.B) {
				t.Errorf("%v: a buffer of %d bytes ends within a part", sizes, len(b.B))
			}
			got = append(got, b.B...)
			p.Put(b)
		}
		if !bytes.Equal(got, want) || q.size() != 0 || p.Out() != 0 {
			t.Errorf("%v: took %d bytes of %d, %d counted, %d buffers out", sizes, len(got), len(want), q.size(), p.Out())
		}
	}
}

func TestQueueJoins(t *testing.T) {
	for _, sizes := range [][]int{{5}, {chunk, chunk, 3}} {
		var p Pool
		q, want := filled(t, &p, sizes...)
		if b := q.join(&p); !bytes.Equal(b.B, want) || q.size() != len(want) || p.Out() != 1 {
			t.Errorf("%v: joined %d bytes of %d, %d counted, %d buffers out", sizes, len(b.B), len(want), q.size(), p.Out())
		}
		q.clear(&p)
		if q.size() != 0 || p.Out() != 0 {
			t.Errorf("%v: %d bytes and %d buffers after clear", sizes, q.size(), p.Out())
		}
	}
	var empty queue
	if b := empty.join(new(Pool)); b != nil {
		t.Errorf("an empty queue joins to %v", b)
	}
}

func TestQueuePrepends(t *testing.T) {
	for _, sizes := range [][]int{nil, {5}, {chunk, chunk, 3}} {
		var p Pool
		q, want := filled(t, &p, sizes...)
		b := p.Get()
		b.B = append(b.B, "first"...)
		q.prepend(b)
		if got := q.join(&p).B; string(got) != "first"+string(want) || q.size() != len(got) {
			t.Errorf("%v: %d bytes begin with %.8q, %d counted", sizes, len(got), got, q.size())
		}
		q.clear(&p)
	}
}

// What a flush has taken and not written yet counts like what is queued.
func TestBoundHoldsWhileItIsFlushed(t *testing.T) {
	const part, parts = 100 << 10, 10
	v, p := virtual(t, &Config{MaxPending: part * parts}), &plug{}
	c := plugIn(t, v.r, p, &hooks{})
	settle(t, v)
	writes := 0
	p.write = func() {
		writes++
		waits := part*parts - len(p.wrote)
		if err := c.Queue(make([]byte, part*parts-waits+1)); err != ErrBackpressure {
			t.Errorf("write %d, of a flush of which %d bytes are left: Queue returned %v", writes, waits, err)
		}
		if n := c.Pending(); n < waits {
			t.Errorf("write %d: Pending() = %d, and %d bytes are left", writes, n, waits)
		}
	}
	for range parts {
		if err := c.Queue(make([]byte, part)); err != nil {
			t.Fatal(err)
		}
	}
	settle(t, v)
	if writes < 2 || c.Pending() != 0 {
		t.Errorf("%d writes, %d bytes are left", writes, c.Pending())
	}
}
