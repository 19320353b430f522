package session

import (
	"errors"
	"testing"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/internal/peertest"
	"github.com/packetmq/packetmq/peer"
)

// stranger connects a client that speaks the feature by hand, without sessions of its own.
func stranger(t *testing.T, p *pair, answers chan<- any) (*peer.Conn, <-chan error) {
	t.Helper()
	side := peertest.NewSide(true, news, plain)
	lost := make(chan error, 1)
	side.Cfg.Reactor = p.server.Reactor()
	side.Cfg.OnLost = func(_ *peer.Conn, reason error) { lost <- reason }
	cli := peer.NewMemoryClient(side.Reg, &side.Cfg)
	t.Cleanup(func() { cli.Close() })
	err := cli.Extend(peer.Extension{Feature: Feature, Packet: func(_ *peer.Conn, payload []byte) error {
		if _, ok := readAck(payload); ok {
			return nil
		}
		m, err := readMessage(payload)
		if err != nil {
			t.Errorf("the server sends %x: %v", payload, err)
		}
		answers <- m
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := cli.Connect(t.Context(), p.server)
	if err != nil {
		t.Fatal(err)
	}
	return c, lost
}

// A conn that does not know the secret gets nothing of a session, and is not told whether there
// is one. It has one try.
func TestHostileGuesses(t *testing.T) {
	leak.Check(t)
	p := newPair(t, Config{})
	s, err := DialMemory(t.Context(), p.client(t), p.server, nil)
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan any, 10)
	for name, m := range map[string]*resume{
		"another secret": {id: s.ID(), secret: newSecret()},
		"no secret":      {id: s.ID()},
		"no such id":     {id: ID{9, 9, 9}, secret: newSecret()},
	} {
		c, lost := stranger(t, p, answers)
		c.SendExtension(Feature, m.append(nil))
		if got := await.Value(t, "answer", answers); got != refusedUnknown {
			t.Errorf("%s: the answer is %v", name, got)
		}
		c.SendExtension(Feature, m.append(nil))
		if reason := await.Value(t, "end", lost); reason != peer.ReasonPayload {
			t.Errorf("%s: after a second try the conn ends with %v", name, reason)
		}
	}
	send(t, s, 1)
	wantSequence(t, p.got, 1, 1)
	if st := StatsOf(p.server); st.Wrong != 2 || st.Unknown != 1 || st.Refused != 3 || st.Malformed != 3 || st.Resumed != 0 {
		t.Errorf("the server has counted %+v", st)
	}
}

// What is no message, or comes out of turn, ends its conn with a reason, and no session.
func TestHostilePackets(t *testing.T) {
	leak.Check(t)
	p := newPair(t, Config{})
	s, err := DialMemory(t.Context(), p.client(t), p.server, nil)
	if err != nil {
		t.Fatal(err)
	}
	nested := []byte{0, 12, 0, 40, 0x91, 1}
	for name, packets := range map[string][][]byte{
		"empty":              {{}},
		"short":              {{0}},
		"unknown kind":       {{0, 15, 1, 2, 3}},
		"cut off":            {(&resume{}).append(nil)[:20]},
		"too long":           {append((&begin{}).append(nil), 0)},
		"ack of nothing":     {appendAck(nil, 1)},
		"end of nothing":     {(&end{}).append(nil)},
		"accepts":            {(&accepted{}).append(nil)},
		"refuses":            {refusedCount.append(nil)},
		"session's, without": {{0, 40, 0x91, 1}},
		"begins twice":       {(&begin{nonce: newSecret()}).append(nil), (&begin{nonce: newSecret()}).append(nil)},
		"internal inside":    {(&begin{nonce: newSecret()}).append(nil), nested},
		"unknown inside":     {(&begin{nonce: newSecret()}).append(nil), {0, 40, 0xc1}},
	} {
		t.Run(name, func(t *testing.T) {
			c, lost := stranger(t, p, make(chan any, 10))
			for _, b := range packets {
				if err := c.SendExtension(Feature, b); err != nil {
					t.Fatal(err)
				}
			}
			if reason := await.Value(t, "end", lost); reason != peer.ReasonPayload {
				t.Errorf("the conn ends with %v", reason)
			}
		})
	}
	send(t, s, 1)
	wantSequence(t, p.got, 1, 1)
}

// A side that acknowledges what it cannot have ends its session, on both sides.
func TestHostileCounts(t *testing.T) {
	leak.Check(t)
	ended := make(chan error, 1)
	p := newPair(t, Config{OnEnd: func(_ *Session, reason error, _ []Packet) { ended <- reason }})
	answers := make(chan any, 10)
	c, _ := stranger(t, p, answers)
	c.SendExtension(Feature, (&begin{nonce: newSecret()}).append(nil))
	await.Value(t, "answer", answers)
	c.SendExtension(Feature, appendAck(nil, 1))
	if m, ok := await.Value(t, "end", answers).(*end); !ok || m.received != 0 || m.reason != string(ReasonCount) {
		t.Errorf("the server sends %v", m)
	}
	if reason := await.Value(t, "end", ended); !errors.Is(reason, ErrCount) {
		t.Errorf("the session ended with %v", reason)
	}
}
