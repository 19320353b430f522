package e2e

import (
	"slices"
	"testing"

	"github.com/packetmq/packetmq/peer"
)

// A packet that is added to the server while a conn is open can be sent, until it is removed.
func TestPacketsThatComeAndGo(t *testing.T) {
	type seen struct {
		Knew      []bool
		Got, Code string
	}
	everywhere(t, "gift", func(t testing.TB) string {
		return listen(t, func(s *side) {
			peer.Handle(s, note, func(c *peer.Conn, v *Note) error {
				if v.N == 2 {
					return s.Registry().Remove(gift)
				}
				if err := s.Registry().Add(gift); err != nil {
					return err
				}
				peer.Handle(s, gift, func(c *peer.Conn, text *string) error { return peer.Reply(c, echo, &Note{Text: *text}) })
				return nil
			})
		})
	}, func(t *testing.T, got seen) {
		if !slices.Equal(got.Knew, []bool{false, true, false}) || got.Got != "flowers" || got.Code != "not_on_wire" {
			t.Errorf("the script has seen %+v", got)
		}
	})
}
