package game

import (
	"slices"
	"testing"
	"time"
)

// What arrives is what was sent, and what is cut or no position is refused.
func TestPosAndMove(t *testing.T) {
	sent := Pos{ID: 1 << 40, X: -1, Y: 70000}
	b, _ := sent.MarshalMsg(nil)
	var got Pos
	if rest, err := got.UnmarshalMsg(b); err != nil || len(rest) > 0 || got != sent {
		t.Errorf("%+v, %d bytes left, %v", got, len(rest), err)
	}
	for n := range b {
		if _, err := new(Pos).UnmarshalMsg(b[:n]); err == nil {
			t.Errorf("%d bytes of %d are a position", n, len(b))
		}
	}
	step := Move{-7, 300}
	b, _ = step.MarshalMsg(nil)
	var m Move
	if rest, err := m.UnmarshalMsg(b); err != nil || len(rest) > 0 || m != step {
		t.Errorf("%+v, %d bytes left, %v", m, len(rest), err)
	}
	for what, b := range map[string][]byte{
		"one field": {0x91, 1}, "a text": {0x92, 0xa1, 'a', 1}, "64 bits": slices.Concat([]byte{0x92, 1, 0xcf, 1}, make([]byte, 7)),
	} {
		if _, err := new(Move).UnmarshalMsg(b); err == nil {
			t.Errorf("%s is a move", what)
		}
	}
}

func TestMeter(t *testing.T) {
	m := meter{period: 50 * time.Millisecond}
	if m.p99() != 0 {
		t.Error("an empty meter has a p99")
	}
	for range 99 {
		m.add(51 * time.Millisecond)
	}
	if got := m.p99(); got != 1100*time.Microsecond {
		t.Errorf("99 of 1 ms: %v", got)
	}
	m.add(time.Second)
	m.add(10 * time.Millisecond)
	if got := m.p99(); got != 40100*time.Microsecond {
		t.Errorf("with 40 ms and much more: %v", got)
	}
	if m.reset(); m.n != 0 || m.period == 0 {
		t.Errorf("after a reset: %+v", m.n)
	}
}
