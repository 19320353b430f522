package middleware

import (
	"errors"
	"testing"
	"time"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

func TestTimingTellsTypeTimeAndError(t *testing.T) {
	errNo := errors.Join(peer.ErrDrop, errors.New("no"))
	var names []string
	var errs []error
	w := newWorld(t, func(_ *peer.Conn, text string) error {
		if text == "bad" {
			return errNo
		}
		return nil
	}, Timing(func(typ *registry.Type, took time.Duration, err error) {
		if took < 0 {
			t.Errorf("it took %v", took)
		}
		names, errs = append(names, typ.Name()), append(errs, err)
	}))
	w.send("fine", "bad")
	if len(names) != 2 || names[0] != "test:ping" || errs[0] != nil || errs[1] != errNo {
		t.Errorf("told of %q, with %v", names, errs)
	}
	if w.lost != nil {
		t.Errorf("lost because of %v", w.lost)
	}
}
