package state

import (
	"errors"
	"testing"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/peer"
)

// hostile sends a packet of the feature from the guest, and returns why the server has lost
// the conn.
func (g *guest) hostile(t *testing.T, payloads ...[]byte) error {
	t.Helper()
	var reason error
	g.atServer.OnLost(func(why error) { reason = why })
	for _, b := range payloads {
		if err := g.atClient.SendExtension(FeatureState, b); err != nil {
			t.Fatal(err)
		}
	}
	g.stage.ticks(1)
	return reason
}

func TestHostilePacketsEndTheConn(t *testing.T) {
	many := make([][]byte, maxInlets+1)
	for i := range many {
		many[i] = appendBegins(nil, uint64(i), string(rune('a'+i)))
	}
	for what, test := range map[string]struct {
		want error
		send [][]byte
	}{
		"a tick that was not sent":      {ErrAck, [][]byte{appendTick(nil, acks, 0, 99)}},
		"a state that is not sent":      {ErrAck, [][]byte{appendTick(nil, acks, 7, 0)}},
		"nothing":                       {ErrMessage, [][]byte{nil}},
		"no array":                      {ErrMessage, [][]byte{{1}}},
		"an unknown kind":               {ErrMessage, [][]byte{appendTick(nil, 9, 0, 1)}},
		"bytes after it":                {ErrMessage, [][]byte{append(appendEnds(nil, 0), 1)}},
		"a removal of nothing":          {ErrMessage, [][]byte{appendRemoves(nil, 0, nil)}},
		"too many removals":             {ErrMessage, [][]byte{appendRemoves(nil, 0, make([]uint64, maxRemovals+1))}},
		"keys cut off":                  {ErrMessage, [][]byte{append(appendHead(nil, 4, removes, 0), 1)}},
		"a key that is none":            {ErrMessage, [][]byte{codec.AppendString(appendHead(nil, 3, removes, 0), "x")}},
		"a name that is too long":       {ErrMessage, [][]byte{appendBegins(nil, 0, string(make([]byte, maxName+1)))}},
		"an end without a begin":        {ErrOrder, [][]byte{appendEnds(nil, 0)}},
		"a tick without a begin":        {ErrOrder, [][]byte{appendTick(nil, ticked, 0, 1)}},
		"removals after the end":        {ErrOrder, [][]byte{appendBegins(nil, 0, "x"), appendEnds(nil, 0), appendRemoves(nil, 0, []uint64{1})}},
		"two names for a number":        {ErrMessage, [][]byte{appendBegins(nil, 0, "x"), appendBegins(nil, 0, "y")}},
		"two numbers for a name":        {ErrMessage, [][]byte{appendBegins(nil, 0, "x"), appendBegins(nil, 1, "x")}},
		"more states than there may be": {&LimitError{}, many},
	} {
		t.Run(what, func(t *testing.T) {
			s := newStage(t)
			s.set(1, 1)
			g, other := s.join(), s.join()
			s.ticks(2)
			reason := g.hostile(t, test.send...)
			var limit *LimitError
			if ok := errors.Is(reason, test.want) || errors.As(test.want, &limit) && errors.As(reason, &limit); !ok {
				t.Errorf("the conn ended with %v, want %v", reason, test.want)
			}
			s.set(1, 2)
			other.want(map[uint64]int{1: 2})
		})
	}
}

// An acknowledgement that comes again is harmless, and gives no credit.
func TestARepeatedAcknowledgementIsHarmless(t *testing.T) {
	s := newStage(t)
	s.set(1, 1)
	g := s.join()
	s.ticks(2)
	if err := g.hostile(t, appendTick(nil, acks, 0, 1), appendTick(nil, acks, 0, 1), appendTick(nil, acks, 0, 0)); err != nil {
		t.Errorf("the conn ended with %v", err)
	}
	s.set(1, 2)
	g.want(map[uint64]int{1: 2})
}

// Values that nobody has begun end the conn at a mirror.
func TestValuesWithoutABeginEndTheConn(t *testing.T) {
	s := newStage(t)
	g := s.enter()
	if err := peer.Send(g.atServer, things.Packet(), &thing{1, 1}); err != nil {
		t.Fatal(err)
	}
	s.ticks(1)
	if !errors.Is(g.lost, ErrOrder) {
		t.Errorf("the conn ended with %v", g.lost)
	}
}

// Who acknowledges nothing is sent two ticks, and costs no more.
func TestWhoAcknowledgesNothingIsSentTwoTicks(t *testing.T) {
	s := newStage(t)
	g := &guest{stage: s}
	cfg := s.config()
	cfg.OnMade = func(c *peer.Conn) { g.atClient = c }
	got := 0
	g.client = peer.NewMemoryClient(s.reg, cfg)
	g.client.Extend(peer.Extension{Feature: FeatureState, Packet: func(*peer.Conn, []byte) error { return nil }})
	peer.Handle(g.client, things.Packet(), func(*peer.Conn, *thing) error { got++; return nil })
	g.connect()
	if err := s.st.Join(g.atServer); err != nil {
		t.Fatal(err)
	}
	s.ticks(2)
	for n := range 50 {
		s.set(1, n)
		s.ticks(1)
	}
	if got != 1 { // the other tick was that of the empty snapshot
		t.Errorf("%d values came", got)
	}
	if n := s.st.Stats().Held; n < 40 {
		t.Errorf("it was held back %d times", n)
	}
}

// A source that goes on while its reader has no room to acknowledge makes the reader keep one
// acknowledgement, and no timer for each tick.
func TestOneAcknowledgementWaits(t *testing.T) {
	s := newStage(t)
	s.set(1, 1)
	g := s.join()
	s.ticks(2)
	g.atServer.PauseRead()
	fill := func() {
		for _, size := range []int{60_000, 100, 1} { // until there is no room for a small one
			for g.atClient.SendExtension(FeatureState, make([]byte, size)) == nil {
			}
		}
	}
	fill()
	s.v.Settle(1000) // the pair has taken what it has room for
	side := sideOf(g.atClient)
	in := side.byName[things.Name()]
	loop := g.atClient.Loop()
	var before, after int
	loop.Post(func() {
		fill()
		before = loop.Info().Timers
		for n := uint64(1); n <= 1000; n++ {
			side.ack(in, n)
			side.ack(in, beginAgain)
		}
		after = loop.Info().Timers
	})
	s.v.Settle(1000)
	if after > before+1 {
		t.Errorf("%d timers, %d before", after, before)
	}
	if in.due != 1000 || !in.again {
		t.Errorf("tick %d is to be acknowledged, and to begin again: %v", in.due, in.again)
	}
}
