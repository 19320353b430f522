package registry

import "testing"

func TestPacket(t *testing.T) {
	r := New()
	p := MustAdd[object](r, "app:a", 20)
	if p.Name() != "app:a" || p.ID() != 20 || p.Type() != r.Table().Type(20) {
		t.Errorf("%s, %d, %v", p.Name(), p.ID(), p.Type())
	}
	if q := MustAdd[object](r, "app:b", 21); p == q || p != (Packet[object]{p.Type()}) {
		t.Error("handles are not equal by packet")
	}
	if err := r.Remove(p); err != nil {
		t.Fatal(err)
	}
	// A handle still tells what it was of.
	if p.Name() != "app:a" || p.ID() != 20 {
		t.Errorf("after Remove: %s, %d", p.Name(), p.ID())
	}
}

func TestZeroPacket(t *testing.T) {
	var p Packet[object]
	if p.Type() != nil || p.Name() != "" || p.ID() != 0 {
		t.Errorf("%v, %q, %d", p.Type(), p.Name(), p.ID())
	}
	if q, err := Add[object](New(), "", 20); q != p || err == nil {
		t.Errorf("failed Add = %v, %v", q, err)
	}
}

func TestMustAddPanics(t *testing.T) {
	defer func() {
		if err, ok := recover().(error); !ok || !as[*IDError](err) {
			t.Errorf("panic with %v", err)
		}
	}()
	MustAdd[object](New(), "app:a", 15)
	t.Error("no panic")
}
