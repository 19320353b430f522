package registry

import (
	"errors"
	"slices"
	"testing"
)

func TestEcho(t *testing.T) {
	r := New()
	pong := MustAdd[object](r, "app:pong", 20)
	for _, as := range []any{"app:pong", 20, pong, pong.In(r)} {
		ty := mustAdd(t, r, "app:ping", 21, &Echo{As: as})
		c := &conn{err: errors.New("full")}
		if err := ty.Hooks().Receive.OnReceive(c, "value"); err != c.err {
			t.Errorf("OnReceive = %v, want Send's error", err)
		}
		if want := []sent{{as, "value"}}; !slices.Equal(c.sent, want) {
			t.Errorf("sent %v, want %v", c.sent, want)
		}
		if err := r.Remove(ty); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEqualEchosAreOne(t *testing.T) {
	r := New()
	mustAdd(t, r, "app:a", 20, Echo{As: "app:pong"})
	mustAdd(t, r, "app:b", 21, Echo{As: "app:pong"})
	if _, err := r.Lookup(Echo{As: "app:pong"}); !errors.Is(err, ErrAmbiguous) {
		t.Errorf("values: %v", err)
	}
	p := &Echo{As: "app:pong"}
	c := mustAdd(t, r, "app:c", 22, p)
	mustAdd(t, r, "app:d", 23, &Echo{As: "app:pong"})
	if ty, err := r.Lookup(p); ty != c || err != nil {
		t.Errorf("pointers: %v, %v", ty, err)
	}
}
