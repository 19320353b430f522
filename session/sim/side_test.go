package sim

import (
	"errors"
	"time"

	"github.com/packetmq/packetmq/internal/simtest"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/session"
)

// side is what a program sees of a session at one of its ends.
type side struct {
	w      *world
	s      *session.Session
	client bool

	sent    int // packets that Send has taken: they are numbered from 1
	got     int
	away    bool
	ends    int
	reason  error
	unacked []int
}

// at is the side of a session.
func (w *world) at(s *session.Session) *side { return w.sides[s] }

// packet handles a packet of a session's.
func (w *world) packet(c *peer.Conn, v *numbered) error {
	x := w.at(session.Of(c))
	switch {
	case x == nil:
		w.Fail("a packet came where there is no session")
		return nil
	case x.ends > 0:
		w.Fail("packet %d came after the end", v.N)
	case v.N != x.got+1:
		w.Fail("packet %d came after %d at the client %v", v.N, x.got, x.client)
	}
	x.got++
	w.packets++
	switch {
	case w.sabotage == lost && w.Chance(2):
		x.got--
	case w.sabotage == doubled && w.Chance(2):
		x.got++
	}
	if w.Chance(30) {
		x.send()
	}
	if w.Chance(1) {
		return errHandler // which ends the conn
	}
	return nil
}

func (x *side) send() {
	for range 1 + x.w.IntN(4) {
		if session.Send(x.s, packet, &numbered{x.sent + 1}) == nil {
			x.sent++
		}
	}
}

// config has the session tell the side.
func (w *world) settings() session.Config {
	return session.Config{
		Packets: 8 + w.IntN(60), Bytes: 100 + w.IntN(2000), AckPackets: 1 + w.IntN(30),
		AckEvery: simtest.Pick(w.World, []time.Duration{0, 10 * time.Millisecond}),
		OnAway: func(s *session.Session, _ error) {
			x := w.at(s)
			if x.away || x.ends > 0 {
				w.Fail("a session was told twice that it is away, or after its end")
			}
			x.away = true
		},
		OnBack: func(s *session.Session, gap time.Duration) {
			x := w.at(s)
			if !x.away || x.ends > 0 || gap < 0 {
				w.Fail("a session was told that it is back and was not away")
			}
			x.away = false
			w.backs++
		},
		OnEnd: func(s *session.Session, reason error, unacked []session.Packet) {
			x := w.at(s)
			if errors.Is(reason, session.ErrExported) { // which is no end
				if len(unacked) > 0 {
					w.Fail("%d packets were told that another server has", len(unacked))
				}
				return
			}
			if x.ends++; x.ends > 1 {
				w.Fail("an end was told twice")
			}
			x.reason = reason
			for _, p := range unacked {
				v, err := session.Decode(p, packet)
				if err != nil {
					w.Fail("what was not acknowledged cannot be read: %v", err)
					return
				}
				x.unacked = append(x.unacked, v.N)
			}
			if w.sabotage == untold && len(x.unacked) > 0 {
				x.unacked = x.unacked[1:]
			}
			w.Note("end %v %v", x.client, reason)
			w.reasons[reasonName(reason)]++
		},
	}
}

// judge compares the two ends of a session in the end.
func (w *world) judge(a, b *side) {
	for _, d := range [][2]*side{{a, b}, {b, a}} {
		from, to := d[0], d[1]
		if to.got > from.sent {
			w.Fail("%d packets came of %d", to.got, from.sent)
		}
		if from.ends == 0 {
			continue
		}
		first := from.sent + 1 // of those that were not acknowledged
		if len(from.unacked) > 0 {
			first = from.unacked[0]
		}
		for i, n := range from.unacked {
			if n != first+i {
				w.Fail("the packets that were not acknowledged are %v", from.unacked)
			}
		}
		if len(from.unacked) > 0 && first+len(from.unacked)-1 != from.sent {
			w.Fail("of %d packets those that were not acknowledged are %v", from.sent, from.unacked)
		}
		if first > to.got+1 {
			w.Fail("%d packets came, and only %v were told as not acknowledged of %d", to.got, from.unacked, from.sent)
		}
	}
}
