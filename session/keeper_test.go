package session

import (
	"encoding/binary"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/peer"
)

// store keeps copies in memory. While it is held it keeps nothing, and answers nothing.
type store struct {
	mu     sync.Mutex
	copies map[ID][]byte
	forgot []error
	held   bool
	waits  []func() // of what came while it was held
	fails  error
}

func keepIn(ss *Sessions) *store {
	x := &store{copies: make(map[ID][]byte)}
	ss.SetKeeper(Keeper{Keep: x.keep, Forget: func(s *Session, reason error) {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.forgot = append(x.forgot, reason)
	}})
	return x
}

func (x *store) keep(s *Session, data []byte, done func(error)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	keep := func() {
		x.mu.Lock()
		err := x.fails
		if err == nil {
			x.copies[s.ID()] = data
		}
		x.mu.Unlock()
		done(err)
	}
	if x.held {
		x.waits = append(x.waits, keep)
		return
	}
	go keep()
}

func (x *store) hold() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.held = true
}

func (x *store) free() {
	x.mu.Lock()
	waits := x.waits
	x.held, x.waits = false, nil
	x.mu.Unlock()
	for _, f := range waits {
		f()
	}
}

func (x *store) of(id ID) []byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.copies[id]
}

func acked(t *testing.T, s *Session) {
	t.Helper()
	await.True(t, "all is acknowledged", func() bool { n, _ := s.Pending(); return n == 0 })
}

var often = Config{AckEvery: time.Millisecond}

// What a client sends is acknowledged when a copy knows of it, and not before. A conn that comes
// in between has nothing handled twice.
func TestAcknowledgedIsWhatIsKept(t *testing.T) {
	x := newTwo(t, often)
	kept := keepIn(x.a.sessions)
	near, far, c := x.begin(t, nil)
	send(t, near, 1)
	wantSequence(t, x.a.got, 1, 1)
	acked(t, near)
	kept.hold()
	for n := range 20 {
		send(t, near, 2+n)
	}
	wantSequence(t, x.a.got, 2, 21)
	c.Abort(errCut)
	await.True(t, "the session is away", far.Away)
	c = x.carry(t, near, x.a)
	back(t, near, c)
	send(t, far, 1) // which comes after anything that tells what has arrived
	wantSequence(t, x.got, 1, 1)
	if n, _ := near.Pending(); n != 20 {
		t.Errorf("%d packets wait to be acknowledged, and no copy knows of 20", n)
	}
	send(t, near, 22)
	wantSequence(t, x.a.got, 22, 22)
	kept.free()
	acked(t, near)
	if len(x.a.got) != 0 {
		t.Error("packets came twice")
	}
}

// After a server's end without a word another one goes on with a copy: what was acknowledged is
// not repeated, what was not is sent again, and what the client has got is known.
func TestGoingOnWithACopy(t *testing.T) {
	x := newTwo(t, often)
	kept := keepIn(x.a.sessions)
	keepIn(x.b.sessions)
	near, far, c := x.begin(t, nil)
	for n := range 10 {
		send(t, near, n)
		send(t, far, n)
	}
	acked(t, near)
	acked(t, far)
	wantSequence(t, x.a.got, 0, 9)
	send(t, far, 10)
	await.True(t, "a copy that knows of it", func() bool {
		x, err := readExported(kept.of(far.ID()))
		return err == nil && x.acked+uint64(len(x.packets)) == 11
	})
	kept.hold()
	for n := range 5 {
		send(t, near, 10+n)
		send(t, far, 11+n)
	}
	wantSequence(t, x.a.got, 10, 14)
	wantSequence(t, x.got, 0, 15)
	c.Abort(errCut)
	old := kept.of(near.ID())
	x.b.sessions.SetFinder(func(c Claim, answer func(Found)) {
		if !c.Opens(old) || (Claim{c.ID, make([]byte, proofSize)}).Opens(old) || c.Opens(nil) {
			t.Error("the copy is opened by another claim")
		}
		answer(Found{Data: old, Copy: true})
	})
	send(t, near, 15)
	back(t, near, x.carry(t, near, x.b))
	wantSequence(t, x.b.got, 10, 15) // the first server has handled some of it, and acknowledged none
	send(t, x.b.sessions.Get(near.ID()), 16)
	wantSequence(t, x.got, 16, 16)
	acked(t, near)
	if near.Err() != nil {
		t.Errorf("ended with %v", near.Err())
	}
	kept.free()
}

// A session of which a copy cannot be kept is tried again; one that another server has ends.
func TestKeeperFails(t *testing.T) {
	ended := make(chan ends, 1)
	cfg := often
	cfg.OnEnd = func(s *Session, reason error, unacked []Packet) { ended <- ends{s, reason, unacked} }
	x := newTwo(t, cfg)
	kept := keepIn(x.a.sessions)
	kept.fails = errors.New("no")
	near, far, _ := x.begin(t, nil)
	send(t, near, 1)
	wantSequence(t, x.a.got, 1, 1)
	if n, _ := near.Pending(); n != 1 {
		t.Error("it was acknowledged")
	}
	set := func(err error) {
		kept.mu.Lock()
		defer kept.mu.Unlock()
		kept.fails = err
	}
	set(nil)
	acked(t, near)
	set(ErrSuperseded)
	send(t, near, 2)
	if e := await.Value(t, "end", ended); e.s != far || e.reason != ErrSuperseded {
		t.Errorf("ended with %v", e.reason)
	}
	kept.mu.Lock()
	defer kept.mu.Unlock()
	if len(kept.forgot) != 1 || kept.forgot[0] != ErrSuperseded {
		t.Errorf("forgot %v", kept.forgot)
	}
}

// A session that moves takes along what its client was told, so that the next server tells no
// more.
func TestCopiesAndMoves(t *testing.T) {
	x := newTwo(t, often)
	first, second := keepIn(x.a.sessions), keepIn(x.b.sessions)
	near, far, c := x.begin(t, nil)
	send(t, near, 1)
	acked(t, near)
	first.hold()
	second.hold()
	send(t, near, 2)
	wantSequence(t, x.a.got, 1, 2)
	c.Abort(errCut)
	await.True(t, "the session is away", far.Away)
	back(t, near, x.carry(t, near, x.b))
	send(t, x.b.sessions.Get(near.ID()), 1)
	wantSequence(t, x.got, 1, 1)
	if n, _ := near.Pending(); n != 1 {
		t.Errorf("%d packets wait to be acknowledged", n)
	}
	send(t, near, 3)
	wantSequence(t, x.b.got, 3, 3)
	second.free()
	acked(t, near)
	if err := near.Err(); err != nil {
		t.Error(err)
	}
}

// A copy that knows of a packet has what its handler has sent.
func TestCopiesAreOfWhatWasHandled(t *testing.T) {
	cfg := often
	cfg.AckPackets = 1
	x := newTwo(t, cfg)
	peer.Handle(x.a.server, plain, func(c *peer.Conn, v *note) error { return Send(Of(c), plain, v) })
	x.a.sessions.SetKeeper(Keeper{
		Keep: func(s *Session, data []byte, done func(error)) {
			x, err := readExported(data)
			if err != nil || x.acked+uint64(len(x.packets)) < x.in {
				t.Errorf("a copy knows of %d packets, and has %d answers after %d, %v", x.in, len(x.packets), x.acked, err)
			}
			done(nil)
		},
		Forget: func(*Session, error) {},
	})
	got := make(chan int, 1000)
	peer.Handle(x.cli, plain, func(_ *peer.Conn, v *note) error { got <- v.N; return nil })
	near, _, _ := x.begin(t, nil)
	for n := range 500 {
		if err := Send(near, plain, &note{n}); err != nil {
			t.Fatal(err)
		}
	}
	wantSequence(t, got, 0, 499)
	acked(t, near)
}

// What is sent in a session that comes from a copy, before its client has said how far it is, comes
// after that, and is acknowledged when the client has it.
func TestSendingBeforeACopyIsResumed(t *testing.T) {
	x := newTwo(t, often)
	kept := keepIn(x.a.sessions)
	keepIn(x.b.sessions)
	near, far, c := x.begin(t, nil)
	send(t, far, 0)
	wantSequence(t, x.got, 0, 0)
	acked(t, far)
	await.True(t, "a copy", func() bool { return kept.of(far.ID()) != nil })
	kept.hold()
	old := kept.of(far.ID())
	for n := range 4 {
		send(t, far, 1+n)
	}
	wantSequence(t, x.got, 1, 4)
	c.Abort(errCut)
	await.True(t, "the session is away", far.Away)
	told := make(chan error, 1)
	x.b.sessions.SetFinder(func(c Claim, answer func(Found)) {
		answer(Found{Data: old, Copy: true, Arrived: func(s *Session, _ []byte) {
			for n := range 3 { // fewer than the client has had since the copy
				send(t, s, 5+n)
			}
			s.WhenAcked(func(err error) { told <- err })
		}})
	})
	back(t, near, x.carry(t, near, x.b))
	wantSequence(t, x.got, 5, 7)
	if err := await.Value(t, "acknowledgement", told); err != nil {
		t.Error(err)
	}
	acked(t, x.b.sessions.Get(near.ID()))
	kept.free()
}

// Blob's done is called when the packets are in the copy: what is sent from then on is not.
func TestABlobAndItsPacketsAgree(t *testing.T) {
	x := newTwo(t, often)
	sent := 0 // on the session's loop only
	x.a.sessions.SetKeeper(Keeper{
		Keep: func(s *Session, data []byte, done func(error)) {
			x, err := readExported(data)
			if err != nil || x.acked+uint64(len(x.packets)) != binary.BigEndian.Uint64(x.blob) {
				t.Errorf("%d packets and %d, and the blob says %d, %v", x.acked, len(x.packets), x.blob, err)
			}
			done(nil)
		},
		Forget: func(*Session, error) {},
		Blob: func(s *Session) ([]byte, func()) {
			b := binary.BigEndian.AppendUint64(nil, uint64(sent))
			return b, func() {
				if sent < 10 { // each has one more copy kept
					send(t, s, sent)
					sent++
				}
			}
		},
	})
	near, _, _ := x.begin(t, nil)
	send(t, near, 1)
	wantSequence(t, x.got, 0, 9)
	acked(t, near)
}

// A session that comes from a copy goes on to a third server before its client is back: whatever
// the client has had since the copy, it gets what the second and the third have sent, once.
func TestACopyGoesOnToAThirdServer(t *testing.T) {
	for name, had := range map[string]int{"nothing since the copy": 0, "a few since": 4, "many since": 20} {
		t.Run(name, func(t *testing.T) {
			x := newTwo(t, often)
			c := newPair(t, often)
			c.sessions.SetOrigin(3, 1)
			kept := keepIn(x.a.sessions)
			keepIn(x.b.sessions)
			keepIn(c.sessions)
			near, far, conn := x.begin(t, nil)
			for n := range 5 {
				send(t, near, n)
				send(t, far, n)
			}
			acked(t, near)
			acked(t, far)
			send(t, far, 5)
			await.True(t, "a copy that knows of it", func() bool {
				x, err := readExported(kept.of(far.ID()))
				return err == nil && x.last() == 6
			})
			kept.hold()
			old := kept.of(far.ID())
			for n := range had {
				send(t, far, 6+n)
			}
			for n := range 3 { // which no copy knows of
				send(t, near, 5+n)
			}
			wantSequence(t, x.a.got, 0, 7)
			wantSequence(t, x.got, 0, 5+had)
			conn.Abort(errCut)
			await.True(t, "the session is away", far.Away)
			send(t, near, 8)

			told := make(chan error, 2)
			adds := func(first int) func(*Session, []byte) {
				return func(s *Session, _ []byte) {
					for n := range 3 {
						send(t, s, first+n)
					}
					s.WhenAcked(func(err error) { told <- err })
				}
			}
			give(t, x.b, Found{Data: old, Copy: true, Arrived: adds(100)})
			give(t, c, Found{Data: released(t, x.b.sessions.Get(near.ID())), Arrived: adds(103)})
			back(t, near, x.carry(t, near, c))
			wantSequence(t, x.got, 100, 105)
			wantSequence(t, c.got, 5, 8)
			acked(t, near)
			acked(t, c.sessions.Get(near.ID()))
			if first, second := await.Value(t, "word of the second server", told), await.Value(t, "of the third", told); first != ErrExported || second != nil {
				t.Errorf("told %v and %v", first, second)
			}
			if near.Err() != nil || len(x.got) > 0 || len(c.got) > 0 {
				t.Errorf("ended with %v; %d and %d packets more", near.Err(), len(x.got), len(c.got))
			}
			kept.free()
		})
	}
}

// give has a server take a session.
func give(t *testing.T, at *pair, f Found) {
	t.Helper()
	taken := make(chan error, 1)
	f.Taken = func(err error) { taken <- err }
	at.sessions.Take(f)
	if err := await.Value(t, "session at its next server", taken); err != nil {
		t.Fatal(err)
	}
}

// released takes a session out of its server for good, and returns it.
func released(t *testing.T, s *Session) []byte {
	t.Helper()
	out := make(chan *Released, 1)
	s.Release(nil, func(r *Released, err error) {
		if err != nil {
			t.Error(err)
		}
		out <- r
	})
	r := await.Value(t, "session that is released", out)
	r.Gone(peer.Advice{})
	return r.Data()
}

// The first copy of a session is kept when the program has been told of it, and has what that kept.
func TestFirstCopyIsAfterOnNew(t *testing.T) {
	cfg := often
	cfg.OnNew = func(s *Session) { s.SetData("told") }
	x := newTwo(t, cfg)
	blobs := make(chan any, 100)
	x.a.sessions.SetKeeper(Keeper{
		Keep:   func(_ *Session, _ []byte, done func(error)) { done(nil) },
		Forget: func(*Session, error) {},
		Blob:   func(s *Session) ([]byte, func()) { blobs <- s.Data(); return nil, nil },
	})
	x.begin(t, nil)
	if data := await.Value(t, "copy", blobs); data != "told" {
		t.Errorf("the first copy is of a session with %v", data)
	}
}
