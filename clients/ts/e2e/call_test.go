package e2e

import (
	"errors"
	"testing"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/peer"
)

// Calls go both ways, with values, errors, cancellations and deadlines.
func TestCalls(t *testing.T) {
	type seen struct {
		Sum, Error, Cancelled, Late, Asked, AskedBadly string
		Many                                           bool
	}
	ended := make(chan error, 10)
	everywhere(t, "calls", func(t testing.TB) string {
		return listen(t, func(s *side) {
			call.HandleLater(s, add, func(c *call.Context, q *Sum, answer call.Answer[int64]) {
				sum := q.A + q.B
				switch {
				case q.A < 0: // never answered
					go func() { <-c.Done(); ended <- c.Err() }()
				case sum < 0:
					answer.Fail(overflow.With(*q).WithText("too large"))
				default:
					answer.Send(&sum)
				}
			})
			call.HandleLater(s, ask, func(c *call.Context, text *string, answer call.Answer[string]) {
				call.Go(c.Conn(), twice, text, 0, func(double *string, err error) {
					if data, ok := overflow.Data(err); ok {
						says := "overflow, " + string(rune('0'+data.B))
						double, err = &says, nil
					}
					if err != nil {
						answer.Fail(err)
						return
					}
					answer.Send(double)
				})
			})
		})
	}, func(t *testing.T, got seen) {
		want := seen{Sum: "4611686018427387909", Error: "too large 4611686018427387904", Cancelled: "cancelled", Late: "timeout", Asked: "hoho", AskedBadly: "overflow, 2", Many: true}
		if got != want {
			t.Errorf("the script has seen\n%+v, want\n%+v", got, want)
		}
		for range 2 {
			if err := next(t, "end of a call", ended); err == nil || errors.Is(err, peer.ErrClosed) {
				t.Errorf("the server's context ended with %v", err)
			}
		}
	})
}
