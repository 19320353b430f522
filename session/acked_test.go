package session

import (
	"errors"
	"testing"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
)

// dialed is a pair with a session between them, of which the server acknowledges each packet.
func dialed(t *testing.T, client *Config) (p *pair, s, far *Session) {
	t.Helper()
	leak.Check(t)
	p = newPair(t, Config{AckPackets: 1})
	s, err := DialMemory(t.Context(), p.client(t), p.server, client)
	if err != nil {
		t.Fatal(err)
	}
	return p, s, await.Value(t, "session", p.fresh)
}

func told(s *Session) chan error {
	c := make(chan error, 10)
	s.WhenAcked(func(err error) { c <- err })
	return c
}

// Who waits for acknowledgements is told in order, once, when those of all packets before have
// come, and at once if none is missing.
func TestWhenAcked(t *testing.T) {
	p, s, _ := dialed(t, nil)
	if err := await.Value(t, "answer", told(s)); err != nil {
		t.Errorf("without packets: %v", err)
	}
	order := make(chan int, 10)
	for n := 1; n <= 3; n++ {
		send(t, s, n)
		s.WhenAcked(func(err error) {
			if packets, _ := s.Pending(); err != nil || packets > 3-n {
				t.Errorf("%d: %v, while %d packets wait", n, err, packets)
			}
			order <- n
		})
	}
	wantSequence(t, order, 1, 3)
	wantSequence(t, p.got, 1, 3)
	if len(order) > 0 {
		t.Error("somebody was told twice")
	}
}

// What is acknowledged by the resume on another conn is told too.
func TestWhenAckedByAResume(t *testing.T) {
	_, s, far := dialed(t, &Config{AckPackets: 1 << 20, AckEvery: 1 << 40})
	handled := make(chan int, 10)
	handleNews(s.host.peer, handled)
	send(t, far, 1)
	acked := told(far)
	wantSequence(t, handled, 1, 1)
	if len(acked) > 0 {
		t.Fatal("told before the client has acknowledged anything")
	}
	far.Conn().Abort(errors.New("cut"))
	if err := await.Value(t, "answer", acked); err != nil {
		t.Error(err)
	}
}

// A session that ends tells those who wait why.
func TestWhenAckedAtTheEnd(t *testing.T) {
	_, s, far := dialed(t, &Config{AckPackets: 1 << 20, AckEvery: 1 << 40})
	send(t, far, 1)
	acked := told(far)
	far.End("test.over")
	if err := await.Value(t, "answer", acked); !errors.Is(err, peer.Reason("test.over")) {
		t.Errorf("told %v", err)
	}
	if err := await.Value(t, "answer", told(far)); !errors.Is(err, peer.Reason("test.over")) {
		t.Errorf("told %v after the end", err)
	}
	await.True(t, "the end at the client", func() bool { return s.Err() != nil })
	if err := await.Value(t, "answer", told(nil)); err != ErrNoSession {
		t.Errorf("told %v of no session", err)
	}
}
