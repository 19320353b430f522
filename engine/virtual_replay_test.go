package engine

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func TestReplayDoesOnlyWhatItIsTold(t *testing.T) {
	v := NewReplay(nil)
	defer v.Close()
	r, l := v.Reactor(), v.Reactor().Loops()[0]
	var got []string
	r.Post(func() { got = append(got, "posted") })
	r.After(time.Hour, func() { got = append(got, "late timer") })
	early := r.After(time.Millisecond, func() { got = append(got, "early timer") })
	v.SetTime(time.Minute)
	v.SetTime(time.Second) // the clock does not go back
	if l.Time() != time.Minute {
		t.Errorf("the clock shows %v", l.Time())
	}
	v.Do(0, func() { got = append(got, "event") })
	if !v.Fire(0, 1) || v.Fire(0, 1) || v.Fire(0, 99) {
		t.Error("the first timer fires once, and no other one")
	}
	if !v.Call(0) || v.Call(0) {
		t.Error("there is one posted function")
	}
	if want := []string{"event", "late timer", "posted"}; !slices.Equal(got, want) {
		t.Errorf("it did %q, want %q", got, want)
	}
	if !early.Stop() {
		t.Error("the early timer does not wait any more")
	}
}

func TestReplayFinishesOffloadedWork(t *testing.T) {
	v := NewReplay(nil)
	defer v.Close()
	l := v.Reactor().Loops()[0]
	bad := errors.New("bad")
	var got []any
	work := func() (int, error) { t.Error("the work is done again"); return 0, nil }
	note := func(n int, err error) { got = append(got, n, err) }
	var q WorkQueue
	if err := errors.Join(Offload(l, work, note), OffloadInOrder(l, &q, work, note)); err != nil {
		t.Fatal(err)
	}
	if _, left := v.Left(); left != 2 {
		t.Errorf("%d results are missing", left)
	}
	seven := func(v any) error { *v.(*int) = 7; return nil }
	nothing := func(any) error { return nil }
	if !v.Finish(0, 2, nothing, bad) || !v.Finish(0, 1, seven, nil) || v.Finish(0, 1, seven, nil) {
		t.Error("each call is finished once")
	}
	if want := []any{0, bad, 7, nil}; !slices.Equal(got, want) {
		t.Errorf("the results are %v, want %v", got, want)
	}
}

func TestReplayOpensAtOnceAndExpires(t *testing.T) {
	v := NewReplay(nil)
	defer v.Close()
	p := new(fakeTransport)
	opened, expired := 0, 0
	h := &hooks{opened: func(c *Conn) { opened++; c.SetDeadline(time.Hour) }, expired: func(*Conn) { expired++ }}
	v.Do(0, func() {
		attachFake(t, v.Reactor(), p, h)
		if opened != 1 {
			t.Error("it is not open yet")
		}
	})
	v.Expire(p.sink)
	if expired != 1 {
		t.Errorf("it has expired %d times", expired)
	}
	v.Do(0, func() { p.sink.Ended(nil) })
	if v.Reactor().Conns() != 0 {
		t.Error("it is still open")
	}
}
