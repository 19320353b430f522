package state

import (
	"errors"
	"testing"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// visitor is a Session: a member that has one conn after the other.
type visitor struct {
	loop *engine.Loop
	conn *peer.Conn
	back []func(gap time.Duration)
	lost []func(reason error)
}

func (v *visitor) Loop() *engine.Loop                { return v.loop }
func (v *visitor) Conn() *peer.Conn                  { return v.conn }
func (v *visitor) SendEncoded(e *peer.Encoded) error { return e.SendTo(v.conn) }
func (v *visitor) OnLost(f func(error)) func() bool {
	v.lost = append(v.lost, f)
	return func() bool { v.lost = nil; return true }
}
func (v *visitor) OnBack(f func(time.Duration)) func() bool {
	v.back = append(v.back, f)
	return func() bool { v.back = nil; return true }
}

func (v *visitor) comeBack(c *peer.Conn) {
	v.conn = c
	for _, f := range v.back {
		f(time.Second)
	}
}

// A session gets nothing while it is away, and a snapshot of the newest when it is back.
func TestASessionGetsTheNewestWhenItIsBack(t *testing.T) {
	s := newStage(t)
	g := s.enter()
	v := &visitor{loop: g.atServer.Loop(), conn: g.atServer}
	if err := s.lobby.Join(v); err != nil {
		t.Fatal(err)
	}
	s.set(1, 1)
	s.set(2, 2)
	g.wantTold("1=1", "2=2", "synced")
	v.conn = nil
	g.atServer.Abort(errors.New("cut"))
	s.settle()
	for n := range 10 {
		s.set(1, n)
		s.ticks(1)
	}
	s.st.Delete(2)
	if n := s.st.Stats().Readers; n != 1 {
		t.Errorf("%d readers while the session is away", n)
	}
	g.told = nil
	g.connect()
	g.wantTold()
	v.comeBack(g.atServer)
	g.wantTold("1=9", "-2 (was 2)", "synced")
	for _, f := range v.lost {
		f(errors.New("over"))
	}
	g.want(nil)
	if len(v.back) != 0 || len(s.st.source.readers) != 0 {
		t.Errorf("after its end %d functions of the session are left, and %d readers", len(v.back), len(s.st.source.readers))
	}
}

// A session that has another conn before the old one has ended is fed on the new one.
func TestTheOldConnOfASessionIsLeft(t *testing.T) {
	s := newStage(t)
	g, h := s.enter(), s.enter()
	v := &visitor{loop: g.atServer.Loop(), conn: g.atServer}
	if err := s.st.Join(v); err != nil {
		t.Fatal(err)
	}
	s.set(1, 1)
	g.want(map[uint64]int{1: 1})
	v.comeBack(h.atServer)
	h.want(map[uint64]int{1: 1})
	g.want(nil)
	g.atServer.Abort(nil) // the late end of the old one touches nothing
	s.set(1, 2)
	h.want(map[uint64]int{1: 2})
}

// A State that is closed keeps nothing of its readers, nor they of it.
func TestCloseForgetsItsReaders(t *testing.T) {
	s := newStage(t)
	g := s.enter()
	st := NewFor(s.server, things)
	v := &visitor{loop: g.atServer.Loop(), conn: g.atServer}
	if err := st.Join(v); err != nil {
		t.Fatal(err)
	}
	s.ticks(1)
	st.Close()
	s.ticks(1)
	if err := st.View(v, nil); err != ErrClosed {
		t.Errorf("View after Close: %v", err)
	}
	if len(v.back)+len(v.lost) != 0 || len(st.source.readers) != 0 {
		t.Errorf("%d functions of the session are left, and %d readers", len(v.back)+len(v.lost), len(st.source.readers))
	}
}
