package link

import (
	"errors"
	"time"
)

const (
	// Window is how many bytes may be under way in one direction, and how many a side keeps
	// that were not read.
	Window = 256 << 10

	// MaxData is how much a segment carries.
	MaxData = 32 << 10

	// Patience is how long the other side may be silent while something waits for it.
	Patience = 5 * time.Second

	firstResend = 100 * time.Millisecond // without an acknowledgement; doubled each time
	lastResend  = time.Second
	ackAfter    = 20 * time.Millisecond // at most so long an acknowledgement waits for something that it can go with
	ackBytes    = Window / 4            // or so many bytes
	againEvery  = 20 * time.Millisecond // at most so often something is sent again because it was asked for
	never       = time.Duration(1<<63 - 1)
)

var (
	// ErrReset is that the other side has no such stream any more.
	ErrReset = errors.New("link: ended by the other side")

	// ErrSilent is that the other side has said nothing for Patience.
	ErrSilent = errors.New("link: the other side is silent")

	// ErrSegment is that the other side breaks the rules.
	ErrSegment = errors.New("link: impossible segment")
)

// Link is one end of a stream in both directions. Its methods may not be called at the same
// time. Times are on any clock of the caller's.
type Link struct {
	err error // why it has ended; nil: it goes on

	// To the other side. The end of the stream counts as a byte after the last one.
	out      []byte // from base on, what was not acknowledged
	base     uint64
	acked    uint64
	sent     uint64        // up to here it was sent, since it was sent again last
	high     uint64        // up to here it was ever sent
	limit    uint64        // up to here the other side has room
	closed   bool          // there is an end
	resendAt time.Duration // never: nothing waits for an acknowledgement
	resend   time.Duration // how long to wait for one
	heard    time.Duration // when something came last, or nothing was to be acknowledged
	againAt  time.Duration // nothing is sent again before that because it is asked for

	// From the other side.
	in    []byte        // that was not read
	next  uint64        // up to here it came
	told  uint64        // up to here it was told that there is room
	ended bool          // the end has come
	acks  uint64        // up to here it was acknowledged
	ack   bool          // an acknowledgement is due now
	ackAt time.Duration // or then; never: none is due
	again bool          // it is to ask for what is missing

	gaps, resent uint64
}

// New returns a Link on which nothing was sent.
func New(now time.Duration) *Link {
	return &Link{limit: Window, told: Window, resendAt: never, ackAt: never, resend: firstResend, heard: now}
}

// Err is why the link has ended, or nil.
func (l *Link) Err() error { return l.err }

// Gaps is how often something was missing. Resent is how many bytes were sent again.
func (l *Link) Gaps() uint64   { return l.gaps }
func (l *Link) Resent() uint64 { return l.resent }

// Room is how much Write would take.
func (l *Link) Room() int {
	if l.closed || l.err != nil {
		return 0
	}
	return Window - len(l.out)
}

// UnderWay is how much of what was written is not acknowledged, in bytes.
func (l *Link) UnderWay() int { return len(l.out) }

// Write takes as much of b as there is room for.
func (l *Link) Write(b []byte) int {
	n := min(len(b), l.Room())
	l.out = append(l.out, b[:n]...)
	return n
}

// Close ends the stream to the other side, after what was written.
func (l *Link) Close() { l.closed = true }

// Assure has Next send an acknowledgement, so that the other side knows that this one is there.
func (l *Link) Assure() { l.ack = true }

// Read takes what has come. end is true when nothing is left and nothing more will come.
func (l *Link) Read(b []byte) (n int, end bool) {
	n = copy(b, l.in)
	l.in = append(l.in[:0], l.in[n:]...)
	if l.room()-l.told >= Window/2 {
		l.ack = true
	}
	return n, l.ended && len(l.in) == 0
}

// Readable reports whether Read has something to tell.
func (l *Link) Readable() bool { return len(l.in) > 0 || l.ended }

// Flushed reports whether all that was written, and the end, has come to the other side.
func (l *Link) Flushed() bool { return l.acked == l.end() }

// room is up to where this side has room.
func (l *Link) room() uint64 { return l.next + Window - uint64(len(l.in)) }

// dataEnd is how many bytes were written.
func (l *Link) dataEnd() uint64 { return l.base + uint64(len(l.out)) }

// end is dataEnd with the end counted, if there is one.
func (l *Link) end() uint64 {
	if l.closed {
		return l.dataEnd() + 1
	}
	return l.dataEnd()
}

// Receive takes a segment in that came from the other side. An error has ended the link.
func (l *Link) Receive(s *Segment, now time.Duration) error {
	if l.err != nil {
		return l.err
	}
	if s.Flags&Reset != 0 {
		l.err = ErrReset
		return l.err
	}
	if s.Ack > l.high || len(s.Data) > MaxData || s.Room > Window {
		l.err = ErrSegment
		return l.err
	}
	l.heard = now
	l.receiveAck(s, now)
	return l.receiveData(s, now)
}

func (l *Link) receiveAck(s *Segment, now time.Duration) {
	l.limit = max(l.limit, s.Ack+uint64(s.Room))
	if s.Ack > l.acked {
		gone := int(min(s.Ack, l.dataEnd()) - l.base)
		l.out = append(l.out[:0], l.out[gone:]...)
		l.base += uint64(gone)
		l.acked, l.sent = s.Ack, max(l.sent, s.Ack)
		l.resend, l.resendAt = firstResend, never
	}
	if s.Flags&Again != 0 && s.Ack == l.acked && l.sent > l.acked && now >= l.againAt {
		l.goBack(now)
	}
	if s.Flags&Probe != 0 {
		l.ack = true
	}
}

// goBack has all that was not acknowledged sent again.
func (l *Link) goBack(now time.Duration) {
	l.resent += l.sent - l.acked
	l.sent = l.acked
	l.againAt = now + againEvery
}

func (l *Link) receiveData(s *Segment, now time.Duration) error {
	if len(s.Data) == 0 && s.Flags&Fin == 0 {
		return nil
	}
	if l.ackAt == never {
		l.ackAt = now + ackAfter
	}
	if s.Seq != l.next || s.Flags&Fin != 0 { // the other side waits for it
		l.ack = true
	}
	if s.Seq > l.next {
		if !l.again {
			l.gaps++
		}
		l.again = true
		return nil
	}
	l.again = false
	old := l.next - s.Seq // bytes that have come before
	if old > uint64(len(s.Data)) || l.ended {
		return nil
	}
	data := s.Data[old:]
	if len(l.in)+len(data) > Window {
		l.err = ErrSegment
		return l.err
	}
	l.in = append(l.in, data...)
	l.next += uint64(len(data))
	if l.next-l.acks >= ackBytes {
		l.ack = true
	}
	if s.Flags&Fin != 0 {
		l.ended = true
		l.next++
	}
	return nil
}

// Next returns the next segment to send now, whose data is valid until the next call of a
// method. ok is false if there is none.
func (l *Link) Next(now time.Duration) (s Segment, ok bool) {
	if l.err != nil {
		return s, false
	}
	if l.idle() || l.resendAt == never { // nothing was waited for until now
		l.heard = now
	}
	if now-l.heard > Patience {
		l.err = ErrSilent
		return s, false
	}
	due := now >= l.resendAt
	if due {
		l.resend = min(2*l.resend, lastResend)
		l.resendAt = now + l.resend
		if l.sent > l.acked {
			l.goBack(now)
		}
	}
	s = Segment{Seq: l.sent, Ack: l.next}
	first := l.sent == l.acked // of what is to be acknowledged
	if to := min(l.dataEnd(), l.limit, l.sent+MaxData); to > l.sent {
		s.Data = l.out[l.sent-l.base : to-l.base]
		l.sent, ok = to, true
	}
	if l.closed && l.sent == l.dataEnd() {
		s.Flags |= Fin
		l.sent, ok = l.end(), true
	}
	l.high = max(l.high, l.sent)
	if !ok && due {
		s.Flags |= Probe
		ok = true
	}
	if first && l.sent > l.acked && !due || l.resendAt == never && !l.idle() {
		l.resendAt = now + l.resend
	}
	if ok = ok || l.ack || now >= l.ackAt; !ok {
		return s, false
	}
	if l.again {
		s.Flags |= Again
	}
	l.ack, l.ackAt, l.acks = false, never, l.next
	l.told = l.room()
	s.Room = uint32(l.told - l.next)
	return s, true
}

// idle reports whether nothing waits for the other side.
func (l *Link) idle() bool { return l.acked == l.end() }

// Wake is when Next may have something although nothing has come and nothing was written;
// never, the largest Duration, if that cannot be.
func (l *Link) Wake() time.Duration { return min(l.resendAt, l.ackAt) }

// Waits reports whether Next has something because of the time, at some time.
func (l *Link) Waits() bool { return l.Wake() != never }
