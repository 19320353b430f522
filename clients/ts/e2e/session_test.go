package e2e

import (
	"errors"
	"fmt"
	"testing"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/session"
)

// A session loses its conn nine times while both sides send. Nothing is lost or doubled, and all
// comes in order.
func TestSessionOverCutConns(t *testing.T) {
	const count, every = 2000, 200
	type seen struct {
		Got, Away, Back, Unacked int
		Wrong, End               string
	}
	type end struct {
		got    int32
		reason error
	}
	ended := make(chan end, 1)
	var wrong error
	everywhere(t, "session", func(t testing.TB) string {
		return listen(t, func(s *side) {
			var got int32 // of the session's loop, whichever that is
			session.Serve(s, &session.Config{
				OnNew: func(s *session.Session) { go sendAll(t, s, count) },
				OnEnd: func(_ *session.Session, reason error, _ []session.Packet) {
					ended <- end{got, reason}
				},
			})
			peer.Handle(s, note, func(c *peer.Conn, v *Note) error {
				if v.N != got {
					wrong = fmt.Errorf("packet %d came where %d was to come", v.N, got)
				}
				if got++; got%every == 0 && got < count {
					c.Abort(errors.New("cut"))
				}
				return nil
			})
		})
	}, func(t *testing.T, got seen) {
		if got.Got != count || got.Wrong != "" || wrong != nil {
			t.Errorf("the script got %d packets (%s); the server: %v", got.Got, got.Wrong, wrong)
		}
		if got.Away != count/every-1 || got.Back != got.Away {
			t.Errorf("the session was away %d times and back %d", got.Away, got.Back)
		}
		e := next(t, "end of the session", ended)
		if e.got != count || e.reason != error(peer.Reason("reason.done")) || got.End != "reason.done" {
			t.Errorf("the server got %d packets, and was told %v; the script ended with %q", e.got, e.reason, got.End)
		}
	})
}

// sendAll sends count notes in a session.
func sendAll(t testing.TB, s *session.Session, count int32) {
	for n := range count {
		if err := session.Send(s, echo, &Note{N: n}); err != nil {
			t.Errorf("packet %d: %v", n, err)
			return
		}
	}
}
