package e2e

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/packetmq/packetmq/peer"
)

// A client shows its token. One that is refused is told why, and does not try again.
func TestDenied(t *testing.T) {
	type seen struct {
		Failed            []string
		Kind, Reason, Why string
	}
	everywhere(t, "denied", func(t testing.TB) string {
		return listen(t, func(*side) {}, func(c *peer.Config) {
			c.Authenticate = func(_ *peer.Conn, cred peer.Credentials) error {
				if string(cred.Token) != "ann" {
					return &peer.Denied{Why: "who are you?", Err: errors.New("no token of ours")}
				}
				return nil
			}
		})
	}, func(t *testing.T, got seen) {
		if !slices.Equal(got.Failed, []string{"reason.denied"}) || got.Kind != "quit" || got.Why != "who are you?" {
			t.Errorf("the script has seen %+v", got)
		}
	})
}

// A client goes to the server that the one before has sent it to, if it may.
func TestAdviceIsFollowed(t *testing.T) {
	type seen struct {
		Reason string
		After  int
		Texts  []string
	}
	everywhere(t, "advice", func(t testing.TB) string {
		other := listen(t, func(s *side) {
			peer.Handle(s, note, func(c *peer.Conn, v *Note) error { return peer.Reply(c, echo, &Note{Text: "the other"}) })
		})
		return listen(t, func(s *side) {
			peer.Handle(s, note, func(c *peer.Conn, v *Note) error {
				if err := peer.Reply(c, echo, &Note{Text: "the first"}); err != nil {
					return err
				}
				return c.SoftquitWith(peer.Advice{Reason: peer.ReasonShutdown, To: other, After: 20 * time.Millisecond})
			})
		})
	}, func(t *testing.T, got seen) {
		if got.Reason != "reason.shutdown" || got.After != 20 || !slices.Equal(got.Texts, []string{"the first", "the other"}) {
			t.Errorf("the script has seen %+v", got)
		}
	})
}
