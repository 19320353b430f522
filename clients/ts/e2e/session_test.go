package e2e

import (
	"errors"
	"fmt"
	"testing"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/session"
)

// packetsOfSession are how many packets of the session each side sends.
const packetsOfSession = 2000

// sessionSeen is what the script has seen of its session.
type sessionSeen struct {
	Got, Away, Back int
	Wrong, End      string
}

// received is what a server has got of a session.
type received struct {
	there chan struct{} // closed when all packets are there
	wrong error         // whether they came in order; to be read after that
	ended chan error    // told why the session has ended
}

// serveSession has a server take the script's notes and send its own in the session. It ends
// a conn after each so many packets, unless that is 0.
func serveSession(t testing.TB, s *side, every int32) *received {
	r := &received{there: make(chan struct{}), ended: make(chan error, 1)}
	session.Serve(s, &session.Config{
		OnNew: func(s *session.Session) { go r.sendAll(t, s) },
		OnEnd: func(_ *session.Session, reason error, _ []session.Packet) { r.ended <- reason },
	})
	var n int32 // of the session's loop, whichever that is
	peer.Handle(s, note, func(c *peer.Conn, v *Note) error {
		if v.N != n && r.wrong == nil {
			r.wrong = fmt.Errorf("packet %d came where %d was to come", v.N, n)
		}
		n++
		switch {
		case n == packetsOfSession:
			close(r.there)
		case every > 0 && n%every == 0:
			c.Abort(errors.New("cut"))
		}
		return nil
	})
	return r
}

// sendAll sends notes in a session, and one more when all of the other side's are there.
func (r *received) sendAll(t testing.TB, s *session.Session) {
	for n := range int32(packetsOfSession + 1) {
		if n == packetsOfSession {
			<-r.there
		}
		if err := session.Send(s, echo, &Note{N: n}); err != nil {
			t.Errorf("packet %d: %v", n, err)
			return
		}
	}
}

// wantAll compares what both sides have got with what was sent.
func wantAll(t *testing.T, got sessionSeen, r *received) {
	t.Helper()
	if got.Got != packetsOfSession+1 || got.Wrong != "" || got.Back != got.Away {
		t.Errorf("the script got %d packets (%s); it was away %d times and back %d", got.Got, got.Wrong, got.Away, got.Back)
	}
	if next(t, "last packet at the server", r.there); r.wrong != nil {
		t.Errorf("the server: %v", r.wrong)
	}
}

// A session loses its conn nine times while both sides send. Nothing is lost or doubled, and all
// comes in order. Its end reaches the server.
func TestSessionOverConnsThatEnd(t *testing.T) {
	const every = 200
	var r *received
	everywhere(t, "session", func(t testing.TB) string {
		return listen(t, func(s *side) { r = serveSession(t, s, every) })
	}, func(t *testing.T, got sessionSeen) {
		wantAll(t, got, r)
		if want := packetsOfSession/every - 1; got.Away != want {
			t.Errorf("the session was away %d times, want %d", got.Away, want)
		}
		if reason := next(t, "end of the session", r.ended); reason != error(peer.Reason("reason.done")) || got.End != "reason.done" {
			t.Errorf("the session ended with %v at the server, and %q in the script", reason, got.End)
		}
	})
}

// The same over sockets that are cut anywhere: in frames, handshakes, and upgrades.
func TestSessionOverCutSockets(t *testing.T) {
	var r *received
	everywhere(t, "session_stays", func(t testing.TB) string {
		return cut(t, listen(t, func(s *side) { r = serveSession(t, s, 0) }), 40)
	}, func(t *testing.T, got sessionSeen) {
		wantAll(t, got, r)
		if got.Away == 0 {
			t.Error("no socket was cut while the session went on")
		}
	})
}
