package middleware

import (
	"errors"
	"slices"
	"testing"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// A packet that may not come is not handled; what becomes of its conn is as the error says.
func TestAuthoriseKeepsPacketsFromHandlers(t *testing.T) {
	errOwn := errors.New("not yours")
	for name, test := range map[string]struct {
		may  error
		lost error
		want []string
	}{
		"allowed":     {nil, nil, []string{"one", "two"}},
		"ErrDrop":     {peer.ErrDrop, nil, nil},
		"a Reason":    {peer.Reason("reason.forbidden"), peer.Reason("reason.forbidden"), nil},
		"other error": {errOwn, errOwn, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil, Authorise(func(c *peer.Conn, typ *registry.Type) error {
				if c == nil || typ.Name() != "test:ping" {
					t.Errorf("asked about %v on %v", typ.Name(), c)
				}
				return test.may
			}))
			w.send("one", "two")
			if !errors.Is(w.lost, test.lost) || !slices.Equal(w.handled, test.want) {
				t.Errorf("handled %q, lost because of %v", w.handled, w.lost)
			}
		})
	}
}
