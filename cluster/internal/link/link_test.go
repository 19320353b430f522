package link

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// wire carries encoded segments in one direction, and does to them what the test wants.
type wire struct {
	rnd     *rand.Rand
	faults  faults
	waiting []message
}

type message struct {
	at    time.Duration
	bytes []byte
}

// faults are shares of the segments.
type faults struct{ lost, doubled, delayed float64 }

func (w *wire) send(s *Segment, now time.Duration) {
	if w.rnd.Float64() < w.faults.lost {
		return
	}
	at := now + time.Millisecond
	if w.rnd.Float64() < w.faults.delayed {
		at += time.Duration(w.rnd.IntN(300)) * time.Millisecond
	}
	b := s.Append(nil)
	w.waiting = append(w.waiting, message{at, b})
	if w.rnd.Float64() < w.faults.doubled {
		w.waiting = append(w.waiting, message{at + time.Duration(w.rnd.IntN(50))*time.Millisecond, b})
	}
}

// arrive returns what arrives by now.
func (w *wire) arrive(now time.Duration) (all [][]byte) {
	left := w.waiting[:0]
	for _, m := range w.waiting {
		if m.at <= now {
			all = append(all, m.bytes)
		} else {
			left = append(left, m)
		}
	}
	w.waiting = left
	return all
}

// end is one end of a stream in a world, with what it has to say and what it has heard.
type end struct {
	link  *Link
	to    *wire
	say   []byte
	said  int
	heard bytes.Buffer
	over  bool // it has read the end
}

// turn takes in what came, reads and writes a part, and sends.
func (e *end) turn(t *testing.T, rnd *rand.Rand, from *wire, now time.Duration) {
	t.Helper()
	for _, b := range from.arrive(now) {
		s, err := Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.link.Receive(&s, now); err != nil {
			t.Fatal(err)
		}
	}
	if rnd.IntN(3) > 0 {
		part := make([]byte, rnd.IntN(100_000))
		n, over := e.link.Read(part)
		e.heard.Write(part[:n])
		e.over = e.over || over
	}
	if e.said < len(e.say) {
		e.said += e.link.Write(e.say[e.said:min(len(e.say), e.said+rnd.IntN(80_000))])
	} else {
		e.link.Close()
	}
	for s, ok := e.link.Next(now); ok; s, ok = e.link.Next(now) {
		e.to.send(&s, now)
	}
	if err := e.link.Err(); err != nil {
		t.Fatalf("at %v: %v", now, err)
	}
}

// Whatever happens to segments, each side gets what the other one has said, in order and
// once.
func TestStreamsSurviveFaults(t *testing.T) {
	seeds := uint64(100)
	if testing.Short() {
		seeds = 40
	}
	for seed := range seeds {
		rnd := rand.New(rand.NewPCG(seed, 1))
		f := faults{lost: rnd.Float64() * .3, doubled: rnd.Float64() * .3, delayed: rnd.Float64() * .3}
		if seed%4 == 0 {
			f = faults{}
		}
		wires := [2]*wire{{rnd: rnd, faults: f}, {rnd: rnd, faults: f}}
		var ends [2]*end
		for i := range ends {
			say := make([]byte, rnd.IntN(500_000))
			for n := range say {
				say[n] = byte(rnd.Uint32())
			}
			ends[i] = &end{link: New(0), to: wires[i], say: say}
		}
		var now time.Duration
		for !(ends[0].over && ends[1].over && ends[0].link.Flushed() && ends[1].link.Flushed()) {
			if now > 10*time.Minute {
				t.Fatalf("seed %d: nothing goes on: %d of %d and %d of %d", seed, ends[0].heard.Len(), len(ends[1].say), ends[1].heard.Len(), len(ends[0].say))
			}
			ends[0].turn(t, rnd, wires[1], now)
			ends[1].turn(t, rnd, wires[0], now)
			now += time.Duration(rnd.IntN(20)) * time.Millisecond
		}
		for i := range ends {
			if !bytes.Equal(ends[i].heard.Bytes(), ends[1-i].say) {
				t.Fatalf("seed %d: side %d has heard %d bytes, not the %d that were said", seed, i, ends[i].heard.Len(), len(ends[1-i].say))
			}
			if f == (faults{}) && ends[i].link.Resent()+ends[i].link.Gaps() > 0 {
				t.Errorf("seed %d: side %d sent %d bytes again without a fault", seed, i, ends[i].link.Resent())
			}
		}
	}
}

// What is missing is asked for when something after it comes, and comes at once.
func TestGapsAreFound(t *testing.T) {
	a, b := New(0), New(0)
	a.Write([]byte("lost"))
	a.Next(0)
	a.Write([]byte("comes"))
	s, _ := a.Next(0)
	b.Receive(&s, 1)
	ask, ok := b.Next(1)
	if !ok || ask.Flags&Again == 0 || b.Gaps() != 1 {
		t.Fatalf("asked with %+v, %d gaps", ask, b.Gaps())
	}
	a.Receive(&ask, againEvery)
	s, ok = a.Next(againEvery)
	if !ok || string(s.Data) != "lostcomes" {
		t.Fatalf("sent again %q", s.Data)
	}
	b.Receive(&s, againEvery)
	var got [20]byte
	if n, _ := b.Read(got[:]); string(got[:n]) != "lostcomes" {
		t.Errorf("got %q", got[:n])
	}
}

// A side that does not read is sent no more than it has room for, and everything when it
// reads again, even if its word of that is lost.
func TestReaderSetsThePace(t *testing.T) {
	a, b := New(0), New(0)
	var now time.Duration
	deliver := func(lose bool) {
		for range 100 {
			for s, ok := a.Next(now); ok; s, ok = a.Next(now) {
				if err := b.Receive(&s, now); err != nil {
					t.Fatal(err)
				}
			}
			for s, ok := b.Next(now); ok; s, ok = b.Next(now) {
				if !lose {
					a.Receive(&s, now)
				}
			}
			now += 10 * time.Millisecond
		}
	}
	written := 0
	for range 10 {
		written += a.Write(make([]byte, Window))
		deliver(false)
	}
	if written != 2*Window {
		t.Fatalf("%d bytes were taken, want two windows", written)
	}
	var got [Window]byte
	n, _ := b.Read(got[:])
	deliver(true)
	deliver(false)
	more, _ := b.Read(got[:])
	if n != Window || more != Window {
		t.Errorf("read %d and %d bytes", n, more)
	}
}

// A link on which nothing was said for long goes on: nobody looks at it meanwhile, since it
// never wakes.
func TestIdleForLong(t *testing.T) {
	l := New(0)
	for at := Patience; at < 10*Patience; at += 2 * Patience {
		if l.Wake() != never {
			t.Fatal("an idle link wakes")
		}
		l.Write([]byte("x"))
		if s, ok := l.Next(at); !ok || len(s.Data) != 1 || l.Err() != nil {
			t.Fatalf("at %v nothing is sent: %v", at, l.Err())
		}
		l.Receive(&Segment{Ack: l.sent}, at)
	}
}

func TestEnds(t *testing.T) {
	quiet := New(0)
	for now := time.Duration(0); now < time.Hour; now += time.Minute {
		if quiet.Next(now); quiet.Err() != nil {
			t.Fatal("a link on which nothing is sent ends")
		}
	}
	silent := New(0)
	silent.Write([]byte("x"))
	for now := time.Duration(0); silent.Err() == nil; now += silent.resend {
		silent.Next(now)
		if now > 2*Patience {
			t.Fatal("a silent other side is not noticed")
		}
	}
	for what, s := range map[string]Segment{
		"an acknowledgement of nothing": {Ack: 1},
		"too much data":                 {Data: make([]byte, MaxData+1)},
		"too much room":                 {Room: Window + 1},
	} {
		l := New(0)
		if err := l.Receive(&s, 0); !errors.Is(err, ErrSegment) || l.Err() != err {
			t.Errorf("%s: %v", what, err)
		}
	}
	l := New(0)
	for i := range Window/MaxData + 1 {
		s := Segment{Seq: uint64(i) * MaxData, Data: make([]byte, MaxData)}
		if err := l.Receive(&s, 0); (err != nil) != (i == Window/MaxData) {
			t.Errorf("segment %d: %v", i, err)
		}
	}
	if l.Receive(&Segment{Flags: Reset}, 0); l.Err() == nil {
		t.Error("a reset ends nothing")
	}
}

func FuzzReceive(f *testing.F) {
	f.Add((&Segment{Seq: 1, Data: []byte("x")}).Append(nil), uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, n uint8) {
		l := New(0)
		l.Write(make([]byte, n))
		l.Next(0)
		s, err := Parse(b)
		if err != nil {
			return
		}
		if got, err := Parse(s.Append(nil)); err != nil || fmt.Sprint(got) != fmt.Sprint(s) {
			t.Fatalf("%v became %v", s, got)
		}
		l.Receive(&s, 0)
		l.Next(1)
		if len(l.in) > Window {
			t.Error("more is kept than there is room for")
		}
	})
}
