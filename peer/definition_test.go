package peer

import (
	"testing"

	"github.com/packetmq/packetmq/registry"
)

// A packet is defined once, added to the registries of both sides, and sent and
// handled by both with the same handle, whatever ids each side's others have.
func TestOneDefinitionForBothSides(t *testing.T) {
	ask := registry.Define[note]("test:ask", 60)
	tell := registry.Define[note]("test:tell", 61, registry.Reuse())
	setUp := func(s, c *side) {
		s.reg.MustAdd(ask, tell)
		c.reg.MustAdd(tell, ask)
	}
	everywhere(t, setUp, func(t *testing.T, w *world) {
		Handle(w.server, ask, func(c *Conn, v *note) error { return Reply(c, tell, v) })
		told := inbox(t, w.client, tell, 2)
		_, cc := w.handshake(t)
		if err := Send(cc, ask, &note{N: 1}); err != nil {
			t.Error(err)
		}
		if err := SendTo(w.client, cc, ask, &note{N: 2}); err != nil {
			t.Error(err)
		}
		for n := 1; n <= 2; n++ {
			if v := wait(t, "an answer", told); v.N != n {
				t.Errorf("answer %d is %+v", n, v)
			}
		}
	})
}
