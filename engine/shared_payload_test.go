package engine

import (
	"bytes"
	"errors"
	"io"
	"math/rand"
	"net"
	"runtime"
	"slices"
	"testing"
	"time"
)

// share is n bytes of a kind, shared.
func share(r *Reactor, n int, kind byte) *Shared {
	b := r.Buffers().Get()
	b.B = append(b.B, bytes.Repeat([]byte{kind}, n)...)
	return r.Share(b)
}

// lengthHead is the head of a message of n bytes for lengths.
func lengthHead(n int) []byte { return []byte{byte(n >> 8), byte(n)} }

// plugs open a conn of r with h, of which nobody reads what it sends before the test does.
var plugs = map[string]func(t *testing.T, r *Reactor, h Handler) net.Conn{
	"a socket": func(t *testing.T, r *Reactor, h Handler) net.Conn {
		ln, err := r.Listen("tcp", "127.0.0.1:0", func(net.Conn) (*Conn, Handler) { return new(Conn), h })
		if err != nil {
			t.Fatal(err)
		}
		nc := dial(t, ln)
		nc.(*net.TCPConn).SetReadBuffer(16 << 10)
		return nc
	},
	"an injected conn": func(t *testing.T, r *Reactor, h Handler) net.Conn {
		ours, theirs := net.Pipe()
		t.Cleanup(func() { theirs.Close() })
		if err := r.Inject(ours, new(Conn), h); err != nil {
			t.Fatal(err)
		}
		return theirs
	},
	"a wrapped socket": func(t *testing.T, r *Reactor, h Handler) net.Conn {
		ln, err := r.Listen("tcp", "127.0.0.1:0", func(net.Conn) (*Conn, Handler) { return new(Conn), passing{h} })
		if err != nil {
			t.Fatal(err)
		}
		return dial(t, ln)
	},
}

// passing is a Wrapper whose transport does nothing.
type passing struct{ Handler }

func (passing) Wrap(c *Conn, inner Transport) Transport { return struct{ Transport }{inner} }

// Shared payloads, queued messages and what a callback writes leave in the order of the
// calls, whoever made them, and whether or not the other side keeps up.
func TestSharedPayloadsKeepOrder(t *testing.T) {
	for name, plug := range plugs {
		t.Run(name, func(t *testing.T) {
			r := start(t, &Config{SendBuffer: 32 << 10})
			opened := make(chan *Conn, 1)
			nc := plug(t, r, &hooks{opened: func(c *Conn) { opened <- c }})
			c := wait(t, "conn", opened)
			var want []byte
			for i := range 40 {
				kind, n := byte('a'+i%26), []int{1, sharedFrom - 1, sharedFrom, 70_000}[i%4]
				s := share(r, n, kind)
				send := func() error { return c.QueueShared([]byte("head"), s) }
				if i%3 == 0 {
					onLoop(t, r, func() {
						if out := c.Out(); out != nil {
							out.B = append(out.B, "out"...)
							c.Commit(3)
						} else if err := c.Queue([]byte("out")); err != nil {
							t.Error(err)
						}
						if err := send(); err != nil {
							t.Error(err)
						}
					})
					want = append(want, "out"...)
				} else if err := send(); err != nil {
					t.Fatal(err)
				}
				s.Release()
				want = append(append(want, "head"...), bytes.Repeat([]byte{kind}, n)...)
				if err := c.Queue([]byte("queued")); err != nil {
					t.Fatal(err)
				}
				want = append(want, "queued"...)
			}
			got := make([]byte, len(want))
			nc.SetReadDeadline(time.Now().Add(patience))
			if _, err := io.ReadFull(nc, got); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%d bytes came in another order than they were sent", len(got))
			}
		})
	}
}

// However a conn ends, what it shared is given back, and what never left is counted as
// unsent.
func TestSharedPayloadsAreGivenBack(t *testing.T) {
	endings := map[string]func(t *testing.T, r *Reactor, c *Conn, nc net.Conn){
		"read by the other side": func(t *testing.T, r *Reactor, c *Conn, nc net.Conn) {
			c.Finish(patience)
			io.Copy(io.Discard, nc)
			nc.Close()
		},
		"closed by the other side": func(_ *testing.T, _ *Reactor, _ *Conn, nc net.Conn) { nc.Close() },
		"Abort":                    func(_ *testing.T, _ *Reactor, c *Conn, _ net.Conn) { c.Abort(nil) },
		"Finish without grace":     func(_ *testing.T, _ *Reactor, c *Conn, _ net.Conn) { c.Finish(1) },
		"slow consumer": func(t *testing.T, r *Reactor, c *Conn, _ net.Conn) {
			onLoop(t, r, func() { c.endNow(ErrSlowConsumer) })
		},
		"Close": func(_ *testing.T, r *Reactor, _ *Conn, _ net.Conn) { r.Close() },
		"Shutdown": func(t *testing.T, r *Reactor, _ *Conn, nc net.Conn) {
			go func() { io.Copy(io.Discard, nc); nc.Close() }()
			r.Shutdown(t.Context())
		},
		"a panic": func(_ *testing.T, r *Reactor, c *Conn, _ net.Conn) {
			r.Post(func() { c.call(func() { panic("test") }) })
		},
		"Goexit": func(_ *testing.T, r *Reactor, c *Conn, _ net.Conn) {
			r.Post(func() { c.call(runtime.Goexit) })
		},
	}
	const size, times = 50_000, 30
	for transport, plug := range plugs {
		for ending, end := range endings {
			t.Run(transport+", "+ending, func(t *testing.T) {
				r := start(t, &Config{SendBuffer: 32 << 10})
				opened, ended := make(chan *Conn, 1), make(chan error, 1)
				nc := plug(t, r, &lengths{hooks{
					opened: func(c *Conn) { opened <- c },
					closed: func(_ *Conn, err error) { ended <- err },
				}})
				c := wait(t, "conn", opened)
				s := share(r, size, 's')
				for range times {
					if err := c.QueueShared(lengthHead(size+2), s); err != nil {
						t.Fatal(err)
					}
				}
				s.Release()
				end(t, r, c, nc)
				wait(t, "the end", ended)
				eventually(t, "release of the shared payload", func() bool { return s.state.Load() == released })
				eventually(t, "memory that is counted no more", func() bool { return r.total.Load() == 0 })
				if ending != "Close" && ending != "Shutdown" {
					onLoop(t, r, func() {
						if b := &r.loops[0].backlogs; b.memory != 0 || b.shared != 0 {
							t.Errorf("%d bytes, and %d that are shared, are counted after the end", b.memory, b.shared)
						}
					})
				}
				switch u := c.Unsent(); {
				case ending == "read by the other side" || ending == "Shutdown":
					if u != (Unsent{}) {
						t.Errorf("%+v are unsent", u)
					}
				case u.Bytes > times*(size+2):
					t.Errorf("%+v are unsent, more than were sent", u)
				case transport != "a wrapped socket" && u.Messages != (u.Bytes+size+1)/(size+2):
					t.Errorf("%+v are unsent, of messages of %d bytes", u, size+2)
				}
			})
		}
	}
}

// A payload that many slow conns share is in memory once, and counts once towards the
// total; for each of the conns its bytes count like others.
func TestSharedMemoryCountsOnce(t *testing.T) {
	const conns, size = 20, 2 << 20
	r := start(t, &Config{SendBuffer: 32 << 10})
	opened := make(chan *Conn, conns)
	h := &hooks{opened: func(c *Conn) { opened <- c }}
	s := share(r, size, 's')
	memory := int64(cap(s.b.B))
	if n := r.total.Load(); n != 0 {
		t.Errorf("%d bytes are counted before the payload waits", n)
	}
	all := make([]*Conn, conns)
	for i := range all {
		plugs["a socket"](t, r, h)
		all[i] = wait(t, "conn", opened)
		if err := all[i].QueueShared([]byte("head"), s); err != nil {
			t.Fatal(err)
		}
	}
	onLoop(t, r, func() {})
	for _, c := range all {
		if n := c.Pending(); n == 0 || n > size+4 {
			t.Errorf("%d bytes wait for a conn, of %d", n, size)
		}
	}
	if n := r.total.Load(); n != memory {
		t.Errorf("%d bytes of memory are counted, and the payload takes %d", n, memory)
	}
	s.Release()
	for _, c := range all {
		c.Abort(nil)
	}
	eventually(t, "memory that is counted no more", func() bool { return r.total.Load() == 0 })
}

// What is queued after the last word, too much, or released, is refused, and nothing of it
// is kept.
func TestQueueSharedRefuses(t *testing.T) {
	v := virtual(t, &Config{MaxPending: 100 << 10})
	open, ended := attachFake(t, v.r, &fakeTransport{stuck: true}, &hooks{}), attachFake(t, v.r, &fakeTransport{}, &hooks{})
	settle(t, v)
	ended.Abort(nil)
	settle(t, v)
	ok, gone, huge := share(v.r, 60<<10, 's'), share(v.r, 60<<10, 'g'), share(v.r, 101<<10, 'h')
	gone.Release()
	var size *SizeError
	for _, tt := range []struct {
		name string
		err  error
		want error
	}{
		{"zero conn", new(Conn).QueueShared(nil, ok), ErrClosed},
		{"ended conn", ended.QueueShared(nil, ok), ErrClosed},
		{"nil", open.QueueShared(nil, nil), ErrNil},
		{"released", open.QueueShared(nil, gone), ErrReleased},
		{"first", open.QueueShared(nil, ok), nil},
		{"no room", open.QueueShared(nil, ok), ErrBackpressure},
		{"no room for a copy", open.QueueShared(make([]byte, maxSharedHead+1), ok), ErrBackpressure},
	} {
		if !errors.Is(tt.err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, tt.err, tt.want)
		}
	}
	if err := open.QueueShared(nil, huge); !errors.As(err, &size) {
		t.Errorf("too large: %v, want a SizeError", err)
	}
	if _, err := gone.AppendTo(nil); err != ErrReleased {
		t.Errorf("AppendTo after Release: %v", err)
	}
	ok.Release()
	ok.Release()
	huge.Release()
	if n := open.Pending(); n != 60<<10 {
		t.Errorf("%d bytes wait, want what was accepted", n)
	}
}

// keepingTransport keeps the shared payloads that it is given.
type keepingTransport struct {
	fakeTransport
	kept []piece
}

func (p *keepingTransport) writeShared(s piece) error {
	p.kept = append(p.kept, s)
	return nil
}

func (p *keepingTransport) sharedBytes() int { return 0 }

// What a callback writes before a shared payload, and after it, does not have it copied.
func TestOutputBesideSharedPayloadsCopiesNone(t *testing.T) {
	v, p := virtual(t, nil), &keepingTransport{fakeTransport: fakeTransport{}}
	p.pool = v.r.Buffers()
	c := new(Conn)
	if err := v.r.Attach(p, c, &hooks{}, nil); err != nil {
		t.Fatal(err)
	}
	settle(t, v)
	s := share(v.r, sharedFrom, 's')
	v.r.Post(func() {
		for range 2 {
			out := c.Out()
			out.B = append(out.B, "out"...)
			c.Commit(3)
			c.QueueShared([]byte("head"), s)
		}
	})
	settle(t, v)
	s.Release()
	if string(p.wrote) != "outout" || len(p.kept) != 2 {
		t.Errorf("%q was written, and %d payloads were shared", p.wrote, len(p.kept))
	}
	for _, kept := range p.kept {
		kept.drop(&v.r.pool)
	}
}

// The conn of another reactor gets a copy, since it counts memory by itself.
func TestSharedPayloadsOfAnotherReactorAreCopied(t *testing.T) {
	v, other := virtual(t, nil), virtual(t, nil)
	p := &fakeTransport{}
	c := attachFake(t, other.r, p, &hooks{})
	settle(t, other)
	s := share(v.r, sharedFrom, 's')
	if err := c.QueueShared([]byte("head"), s); err != nil {
		t.Fatal(err)
	}
	s.Release()
	if n := v.Reactor().Buffers().Out(); n != 0 {
		t.Errorf("%d buffers are kept for another reactor", n)
	}
	settle(t, other)
	if len(p.wrote) != 4+sharedFrom {
		t.Errorf("%d bytes arrived", len(p.wrote))
	}
}

// Where the memory of all conns together is shared payloads, each of one conn, those that
// have the most end.
func TestSharedPayloadsThatCrowdEndConns(t *testing.T) {
	const conns, size, most = 30, 1 << 20, 8 << 20
	r := start(t, &Config{SendBuffer: 32 << 10, MaxTotalPending: most})
	opened, ended := make(chan *Conn, conns), make(chan error, conns)
	h := &hooks{opened: func(c *Conn) { opened <- c }, closed: func(_ *Conn, err error) { ended <- err }}
	for range conns {
		plugs["a socket"](t, r, h)
		c, s := wait(t, "conn", opened), share(r, size, 's')
		if err := c.QueueShared(nil, s); err != nil {
			t.Fatal(err)
		}
		s.Release()
		onLoop(t, r, func() {})
		onLoop(t, r, func() {})
		if n := r.total.Load(); n > most+most/crowdedBy+2*size {
			t.Fatalf("%d bytes wait, the bound is %d", n, most)
		}
	}
	if err := wait(t, "an end", ended); err != ErrSlowConsumer {
		t.Errorf("conn ended with %v", err)
	}
}

// Discard looks at the head of a message whose payload is shared, once, and gives its
// memory back.
func TestDiscardTakesSharedMessages(t *testing.T) {
	r := New(nil)
	defer r.Close()
	var q queue
	f, p := &lengths{}, &r.pool
	s := share(r, 5000, 's')
	looked := 0
	for i := range 100 {
		head := []byte{0, 0, byte('k' + i%2)} // 'k' stays, 'l' goes
		s.retain()
		q.addShared(p, f, sharedPiece(f, head, s))
		q.add(p, f, message(100, 'k'), nil)
	}
	may := func(m []byte) bool {
		looked++
		return m[2] == 'l'
	}
	if gone := q.discard(p, f, 1<<30, may); gone != 50 {
		t.Errorf("%d messages went, want 50", gone)
	}
	if gone := q.discard(p, f, 1<<30, may); gone != 0 || looked > 201 {
		t.Errorf("%d messages went the second time, and %d were looked at", gone, looked)
	}
	if n := s.state.Load(); n != 50 {
		t.Errorf("the payload waits %d times, want 50", n)
	}
	if q.messages(f) != 150 || q.size() != 50*5003+100*100 {
		t.Errorf("%d messages of %d bytes are left", q.messages(f), q.size())
	}
	q.clear(p)
	s.Release()
	if n, total := p.Out(), r.total.Load(); n != 0 || total != 0 {
		t.Errorf("%d buffers are left, %d bytes are counted", n, total)
	}
}

// A backlog counts a shared message that has gone in part as unsent.
func TestBacklogCountsSharedMessages(t *testing.T) {
	r := New(nil)
	defer r.Close()
	f, p := &lengths{}, &r.pool
	const size = sharedFrom
	for _, sent := range []int{0, 1, 2, 3, 2 + size - 1} {
		s := share(r, size, 's')
		var b backlog
		s.retain()
		b.startShared(p, sharedPiece(f, lengthHead(size+2), s), sent)
		b.copyIn(p, f, message(10, 'm'))
		s.retain()
		b.addShared(p, f, sharedPiece(f, lengthHead(size+2), s))
		s.Release()
		for i, want := range []int{3, 2, 1, 0} {
			if got := b.messages(f); got != want {
				t.Fatalf("%d bytes sent, then %d pieces: %d messages are left, want %d", sent, i, got, want)
			}
			if want == 0 {
				break
			}
			head, rest := b.next()
			if n := len(head) + len(rest); i == 0 && n != 2+size-sent {
				t.Errorf("%d bytes sent: %d are next", sent, n)
			}
			b.sent(p, len(head)+len(rest), len(head)+len(rest))
		}
		if b.size() != 0 || p.Out() != 0 {
			t.Errorf("%d bytes and %d buffers are left", b.size(), p.Out())
		}
	}
}

// Whatever is done to a queue, its figures are those of what is in it, and that comes out
// in order.
func TestQueueKeepsItsFigures(t *testing.T) {
	r := New(nil)
	defer r.Close()
	f, p := &lengths{}, &r.pool
	s := share(r, sharedFrom, 's')
	sharedMessage := append(lengthHead(sharedFrom+2), bytes.Repeat([]byte{'s'}, sharedFrom)...)
	for seed := range int64(50) {
		random := rand.New(rand.NewSource(seed))
		var q queue
		var want [][]byte
		for range 300 {
			m := message(3+random.Intn(20_000), byte('a'+random.Intn(26)))
			switch random.Intn(8) {
			case 0, 1, 2:
				q.add(p, f, m[:2], m[2:])
				want = append(want, m)
			case 3:
				q.copyIn(p, f, m)
				want = append(want, m)
			case 4, 5:
				s.retain()
				q.addShared(p, f, sharedPiece(f, lengthHead(sharedFrom+2), s))
				want = append(want, sharedMessage)
			case 6:
				b := p.Get()
				b.B = append(b.B, m...)
				q.prepend(p, f, b)
				want = slices.Insert(want, 0, m)
			case 7:
				next, ok := q.take(p)
				if !ok {
					continue
				}
				head, rest := next.rest(0)
				got := slices.Concat(head, rest)
				next.drop(p)
				for len(got) > 0 {
					if !bytes.HasPrefix(got, want[0]) {
						t.Fatalf("seed %d: something else came out than what was next", seed)
					}
					got, want = got[len(want[0]):], want[1:]
				}
			}
			size, shared := 0, 0
			for _, m := range want {
				size += len(m)
				if bytes.Equal(m, sharedMessage) {
					shared += sharedFrom
				}
			}
			if q.size() != size || q.shared() != shared || q.messages(f) != len(want) || q.empty() != (len(want) == 0) {
				t.Fatalf("seed %d: %d messages, %d bytes, %d of them shared; want %d, %d and %d",
					seed, q.messages(f), q.size(), q.shared(), len(want), size, shared)
			}
		}
		if got := drained(p, &q); !bytes.Equal(got, slices.Concat(want...)) {
			t.Fatalf("seed %d: something else came out", seed)
		}
		if q.memory() != 0 || s.state.Load() != 0 {
			t.Fatalf("seed %d: %d bytes of memory and %d references are left", seed, q.memory(), s.state.Load())
		}
	}
	s.Release()
	if n := p.Out(); n != 0 {
		t.Errorf("%d buffers are left", n)
	}
}
