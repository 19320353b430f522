package engine

import (
	"bytes"
	"encoding/binary"
	"testing"
)

func filled(t *testing.T, p *Pool, sizes ...int) (q queue, want []byte) {
	t.Helper()
	for i, n := range sizes {
		b := bytes.Repeat([]byte{byte(i + 1)}, n)
		q.add(p, nil, b[:n/2], b[n/2:])
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
		for next, ok := q.take(&p); ok; next, ok = q.take(&p) {
			b, n := next.b, 0
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

func TestQueuePrepends(t *testing.T) {
	for _, sizes := range [][]int{nil, {5}, {chunk, chunk, 3}} {
		var p Pool
		q, want := filled(t, &p, sizes...)
		b := p.Get()
		b.B = append(b.B, "first"...)
		q.prepend(&p, nil, b)
		n := q.size()
		if got := drained(&p, &q); string(got) != "first"+string(want) || n != len(got) {
			t.Errorf("%v: %d bytes begin with %.8q, %d counted", sizes, len(got), got, n)
		}
	}
}

// drained takes everything out of q.
func drained(p *Pool, q *queue) (all []byte) {
	for next, ok := q.take(p); ok; next, ok = q.take(p) {
		head, rest := next.rest(0)
		all = append(append(all, head...), rest...)
		next.drop(p)
	}
	return all
}

// lengths is a Framer of messages that begin with their length, of two bytes.
type lengths struct{ hooks }

func (*lengths) Message(b []byte) int {
	if len(b) < 2 {
		return len(b)
	}
	return int(binary.BigEndian.Uint16(b))
}

// message is one of n bytes, of a kind.
func message(n int, kind byte) []byte {
	b := bytes.Repeat([]byte{kind}, n)
	binary.BigEndian.PutUint16(b, uint16(n))
	return b
}

// A queue takes little more than twice the memory of what is in it, whatever buffers
// that came in, and counts its messages.
func TestQueueKeepsLittleMemory(t *testing.T) {
	var p Pool
	f := &lengths{}
	for _, size := range []int{2, 15, 300, 5000, 30_000, 60_000} {
		for _, room := range []int{0, 4 << 10, 256 << 10} { // of buffers that others have had
			if b := p.Get(); room > 0 {
				b.B = make([]byte, 0, room)
				p.Put(b)
			} else {
				p.Put(b)
			}
			var q queue
			var want []byte
			for i := range 200 {
				m := message(size, byte(i))
				q.copyIn(&p, f, m)
				want = append(want, m...)
				if most := 2*q.size() + firstChunk + 2*chunk*min(i, 1); q.memory() > most {
					t.Fatalf("%d messages of %d bytes in buffers of %d take %d bytes, more than %d", i+1, size, room, q.memory(), most)
				}
				if n := q.messages(f); n != i+1 {
					t.Fatalf("%d messages of %d bytes count as %d", i+1, size, n)
				}
			}
			if got := drained(&p, &q); !bytes.Equal(got, want) {
				t.Errorf("%d bytes of %d came out, or not in order", len(got), len(want))
			}
		}
	}
	if n := p.Out(); n != 0 {
		t.Errorf("%d buffers are left", n)
	}
}

// What discard takes out is the oldest that may go, in whole messages; what it leaves
// stays in order; and each message is looked at once, however often it is called.
func TestDiscardLooksOnce(t *testing.T) {
	var p Pool
	var q queue
	f := &lengths{}
	var want []byte
	looked, gone := 0, 0
	const total, size = 20_000, 100
	may := func(m []byte) bool {
		looked++
		return m[2] == 'd'
	}
	for i := range total {
		kind := byte('k')
		if i%10 == 0 {
			kind = 'd'
		} else {
			want = append(want, message(size, kind)...)
		}
		q.add(&p, f, message(size, kind), nil)
		if i >= 1000 && i%3 == 0 {
			gone += q.discard(&p, f, size, may)
		}
		if n := q.messages(f); n != i+1-gone {
			t.Fatalf("after %d messages, of which %d were discarded, there are %d", i+1, gone, n)
		}
	}
	gone += q.discard(&p, f, q.size(), may)
	if looked > 2*total {
		t.Errorf("%d messages were looked at %d times", total, looked)
	}
	if q.memory() > 2*q.size()+chunk {
		t.Errorf("%d bytes are left in %d bytes of memory", q.size(), q.memory())
	}
	if got := drained(&p, &q); !bytes.Equal(got, want) || gone != total/10 {
		t.Errorf("%d messages went, want %d; %d bytes are left, want %d", gone, total/10, len(got), len(want))
	}
	if n := p.Out(); n != 0 {
		t.Errorf("%d buffers are left", n)
	}
}

// A backlog counts as unsent what has not gone whole, wherever the socket has stopped.
func TestBacklogCountsMessages(t *testing.T) {
	var p Pool
	f := &lengths{}
	const messages, size = 50, 1000
	for sent := range messages * size {
		if sent%7 != 0 {
			continue
		}
		var b backlog
		b.begin(&p, f, bytes.Repeat(message(size, 'm'), messages), sent)
		if got, want := b.messages(f), messages-sent/size; got != want || b.size() != messages*size-sent {
			t.Fatalf("after %d bytes %d messages and %d bytes are left, want %d messages", sent, got, b.size(), want)
		}
		b.copyIn(&p, f, message(size, 'm'))
		step := 1 + sent%size
		if _, rest := b.next(); step <= len(rest) {
			b.sent(&p, step, len(rest))
			if got, want := b.messages(f), messages+1-(sent+step)/size; got != want {
				t.Fatalf("after %d and %d bytes %d messages are left, want %d", sent, step, got, want)
			}
		}
		b.clear(&p)
	}
	if n := p.Out(); n != 0 {
		t.Errorf("%d buffers are left", n)
	}
}

// What a flush has taken and not written yet counts like what is queued.
func TestBoundHoldsWhileItIsFlushed(t *testing.T) {
	const part, parts = 100 << 10, 10
	v, p := virtual(t, &Config{MaxPending: part * parts}), &fakeTransport{}
	c := attachFake(t, v.r, p, &hooks{})
	settle(t, v)
	writes := 0
	p.write = func() {
		writes++
		waits := part*parts - len(p.wrote)
		if waits == 0 { // all that may ever wait would fit
			return
		}
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
