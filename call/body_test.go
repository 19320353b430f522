package call

import (
	"reflect"
	"testing"

	"github.com/packetmq/packetmq/internal/peertest"
	"github.com/packetmq/packetmq/registry"
)

// roundTrip has values come back from a call that answers with what it is asked.
func roundTrip[Q any](t *testing.T, values ...Q) {
	for _, opts := range [][]registry.Option{nil, {registry.Reuse()}} {
		def := Define[Q, Q]("test:echo", 60, opts...)
		s, c := newSide(false), newSide(true)
		s.Reg.MustAdd(def.Packets()...)
		c.Reg.MustAdd(def.Packets()...)
		w := peertest.OverMemory(false)(t, s, c, func(w *world) {
			Handle(w.Server, def, func(_ *Context, q *Q) (*Q, error) { return q, nil })
		})
		for _, v := range values {
			a, err := Do(t.Context(), w.AtClient, def, &v)
			if err != nil || !reflect.DeepEqual(*a, v) {
				t.Errorf("%T: %v came back as %v, %v", v, v, a, err)
			}
		}
		if _, err := Do(t.Context(), w.AtClient, def, nil); err != nil {
			t.Errorf("%T: nil: %v", values[0], err)
		}
	}
}

// Calls carry values of any type that packets do.
func TestBodiesOfAllKinds(t *testing.T) {
	n := 7
	roundTrip(t, 1, 0, -5)
	roundTrip(t, "x", "")
	roundTrip(t, []byte("abc"))
	roundTrip(t, map[string]int{"a": 1})
	roundTrip(t, [2]bool{true, false})
	roundTrip(t, struct{}{})
	roundTrip(t, &n, nil)
	roundTrip[any](t, "x", nil, true)
	roundTrip(t, []ask{{1, "a"}, {2, "b"}}, nil)
}
