package session

// Conns that claim a session while its owner, or the program, does something else.

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/internal/peertest"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// Of two conns of one loop that claim a session of another loop, the one that has asked later
// gets it, and the other one ends, even if the first is about to be given the session.
func TestTwoClaimsFromOneLoop(t *testing.T) {
	leak.Check(t)
	var resumes atomic.Int32
	handOvers := make(chan struct{}) // closed when both hand-overs are posted
	p := newPairOf(t, 3, Config{Service: Service{MayResume: func(s *Session, c *peer.Conn) error {
		if resumes.Add(1) == 1 {
			s.Loop().Post(func() { <-handOvers })
		} else {
			c.Loop().Post(func() { close(handOvers) })
		}
		return nil
	}}})
	answers := make(chan any, 100)
	first, _ := stranger(t, p, answers)
	first.SendExtension(Feature, (&begin{nonce: newSecret(), attempt: 1}).append(nil))
	m := await.Value(t, "answer", answers).(*accepted)
	far := await.Value(t, "session", p.fresh)

	older, newer, lost := twoOfAnotherLoop(t, p, far, answers)
	asked, bothAsked := make(chan struct{}, 2), make(chan struct{})
	peer.Handle(p.server, plain, func(*peer.Conn, *note) error { asked <- struct{}{}; return nil })
	far.Loop().Post(func() { <-bothAsked })
	for n, c := range []*peer.Conn{older, newer} {
		c.SendExtension(Feature, (&resume{id: m.id, secret: m.secret, attempt: uint32(n + 2)}).append(nil))
		peer.Send(c, plain, &note{})
		await.Value(t, "the packet after the claim", asked)
	}
	close(bothAsked)
	if reason := await.Value(t, "loss", lost); reason != ReasonSuperseded {
		t.Errorf("the older conn was lost with %v", reason)
	}
	await.Value(t, "answer", answers)
	await.True(t, "the newer conn carries the session", func() bool {
		c := far.Conn()
		return c != nil && c.Loop() == newer.Loop() && c.State() == peer.Active
	})
}

// twoOfAnotherLoop connects two strangers whose conns are of one loop, which does not own s. lost
// is told the end of the first.
func twoOfAnotherLoop(t *testing.T, p *pair, s *Session, answers chan any) (a, b *peer.Conn, lost <-chan error) {
	t.Helper()
	type conn struct {
		c    *peer.Conn
		lost <-chan error
	}
	var all []conn
	for range 20 {
		c, lost := stranger(t, p, answers)
		for _, other := range all {
			if c.Loop() == other.c.Loop() && c.Loop() != s.Loop() {
				return other.c, c, other.lost
			}
		}
		all = append(all, conn{c, lost})
	}
	t.Fatal("no two conns are of one loop")
	return nil, nil, nil
}

// A session that was given away while a conn asked for it is not unknown, even if the server has
// taken it back meanwhile: the conn ends with the reason that has its client come back.
func TestClaimDuringExport(t *testing.T) {
	for name, takesBack := range map[string]bool{"given away": false, "taken back": true} {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			var data []byte
			p := newPair(t, Config{})
			answers := make(chan any, 10)
			first, _ := stranger(t, p, answers)
			first.SendExtension(Feature, (&begin{nonce: newSecret(), attempt: 1}).append(nil))
			m := await.Value(t, "answer", answers).(*accepted)
			far := await.Value(t, "session", p.fresh)
			_, lost := stranger(t, p, answers)
			err := p.sessions.Export(t.Context(), nil, func(_ *Session, x []byte) error { data = x; return nil })
			if err != nil || data == nil {
				t.Fatal(err)
			}
			if takesBack {
				p.sessions.Resume()
				if _, _, err := p.sessions.Import(data); err != nil {
					t.Fatal(err)
				}
			}
			for c := range p.server.Conns() {
				c.Loop().Post(func() {
					if k := far.host.carrierOf(c); !k.asked { // as if it had asked just before
						far.resumeOn(k, &resume{id: m.id, secret: m.secret, attempt: 2})
					}
				})
			}
			if reason := await.Value(t, "loss", lost); reason != ReasonMoved {
				t.Errorf("the conn was lost with %v", reason)
			}
		})
	}
}

// MayBegin and MayResume may panic: that refuses the conn, which is told so.
func TestMayPanics(t *testing.T) {
	leak.Check(t)
	p := newPair(t, Config{Service: Service{MayBegin: func(*peer.Conn) error { panic("no") }}})
	if _, err := DialMemory(t.Context(), p.client(t), p.server, nil); err != ErrDenied {
		t.Errorf("Dial returns %v", err)
	}
	p = newPair(t, Config{Service: Service{MayResume: func(*Session, *peer.Conn) error { panic("no") }}})
	answers := make(chan any, 10)
	first, _ := stranger(t, p, answers)
	first.SendExtension(Feature, (&begin{nonce: newSecret(), attempt: 1}).append(nil))
	m := await.Value(t, "answer", answers).(*accepted)
	second, _ := stranger(t, p, answers)
	second.SendExtension(Feature, (&resume{id: m.id, secret: m.secret, attempt: 2}).append(nil))
	if got := await.Value(t, "answer", answers); got != refusedDenied {
		t.Errorf("a resume whose MayResume panics is answered with %v", got)
	}
	if s := p.sessions.Get(m.id); s == nil || s.Away() || StatsOf(p.server).Denied != 1 {
		t.Error("the conn that carried the session does not any more")
	}
}

// A conn that the server denies is not the end of a session that another conn carries.
func TestLateEndOfAnotherConn(t *testing.T) {
	leak.Check(t)
	var conns atomic.Int32
	srv := peertest.NewSide(false, news, plain)
	srv.Cfg.Authenticate = func(*peer.Conn, peer.Credentials) error {
		if conns.Add(1) > 1 {
			return peer.ReasonDenied
		}
		return nil
	}
	server := peer.NewMemoryServer(srv.Reg, &srv.Cfg)
	Serve(server, nil)
	server.RunAsync()
	t.Cleanup(func() { server.Close() })
	far := peertest.NewSide(true, news, plain)
	far.Cfg.Reactor = server.Reactor()
	cli := peer.NewMemoryClient(far.Reg, &far.Cfg)
	t.Cleanup(func() { cli.Close() })
	s, err := DialMemory(t.Context(), cli, server, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cli.Connect(t.Context(), server, Over(s)); !errors.Is(err, peer.ReasonDenied) {
		t.Fatalf("the second conn: %v", err)
	}
	if err := s.Loop().Call(t.Context(), func() {}); err != nil {
		t.Fatal(err)
	}
	if s.Err() != nil || s.Away() {
		t.Errorf("the session has ended: %v", s.Err())
	}
}

// A packet that comes while its conn is being ended was not handled, and comes again.
func TestPacketOfEndingConn(t *testing.T) {
	leak.Check(t)
	var once sync.Once
	got := make(chan int, 10)
	srv := peertest.NewSide(false, news, plain)
	srv.Cfg.EncodedIn = func(c *peer.Conn, frame []byte) ([]byte, error) {
		once.Do(func() { c.Softquit("test.kicked") }) // stands for another goroutine that does it at this moment
		return frame, nil
	}
	server := peer.NewMemoryServer(srv.Reg, &srv.Cfg)
	handleNews(server, got)
	Serve(server, nil)
	server.RunAsync()
	t.Cleanup(func() { server.Close() })
	far := peertest.NewSide(true, news, plain)
	far.Cfg.Reactor, far.Cfg.Reconnect = server.Reactor(), &peer.Backoff{Min: time.Millisecond}
	cli := peer.NewMemoryClient(far.Reg, &far.Cfg)
	t.Cleanup(func() { cli.Close() })
	s, err := DialMemory(t.Context(), cli, server, nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 5 {
		send(t, s, n)
	}
	wantSequence(t, got, 0, 4)
}

// The program is not told of packets that went to another process with their session.
func TestExportedPacketsAreNotLost(t *testing.T) {
	leak.Check(t)
	ended := make(chan ends, 1)
	p := newPair(t, Config{OnEnd: func(s *Session, reason error, unacked []Packet) { ended <- ends{s, reason, unacked} }})
	s, err := DialMemory(t.Context(), p.client(t), p.server, nil)
	if err != nil {
		t.Fatal(err)
	}
	far := await.Value(t, "session", p.fresh)
	s.Conn().Abort(errCut) // the client does not come back
	await.True(t, "the session is away", far.Away)
	send(t, far, 1)
	err = p.sessions.Export(t.Context(), nil, func(_ *Session, data []byte) error {
		x, err := readExported(data)
		if err == nil && len(x.packets) != 1 {
			t.Errorf("%d packets are exported", len(x.packets))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if e := await.Value(t, "end", ended); e.reason != ErrExported || len(e.unacked) != 0 {
		t.Errorf("ended with %v, not acknowledged: %v", e.reason, e.unacked)
	}
}

// Export does not wait longer than its ctx for a loop that is busy.
func TestExportWhileBusy(t *testing.T) {
	leak.Check(t)
	p := newPair(t, Config{})
	if _, err := DialMemory(t.Context(), p.client(t), p.server, nil); err != nil {
		t.Fatal(err)
	}
	far := await.Value(t, "session", p.fresh)
	free := make(chan struct{})
	far.Loop().Post(func() { <-free })
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	err := p.sessions.Export(ctx, nil, func(*Session, []byte) error { return nil })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Export returns %v", err)
	}
	close(free)
}

// A session that one Export gives away is not given away by another one, and is not stuck when
// the function that gives it panics.
func TestExportTwiceAndPanic(t *testing.T) {
	leak.Check(t)
	p := newPair(t, Config{})
	s, err := DialMemory(t.Context(), p.client(t), p.server, nil)
	if err != nil {
		t.Fatal(err)
	}
	await.Value(t, "session", p.fresh)
	var given int
	func() {
		defer func() { recover() }()
		p.sessions.Export(t.Context(), nil, func(*Session, []byte) error {
			p.sessions.Export(t.Context(), nil, func(*Session, []byte) error { given++; return nil })
			panic("no")
		})
	}()
	if given > 0 {
		t.Error("it was given away twice")
	}
	p.sessions.Resume()
	send(t, s, 1)
	wantSequence(t, p.got, 1, 1)
}

// What is nil is an error, or nothing.
func TestNilArguments(t *testing.T) {
	leak.Check(t)
	p := newPair(t, Config{})
	cli := p.client(t)
	s, err := DialMemory(t.Context(), cli, p.server, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SendRaw(nil, nil); err != peer.ErrNoPacket {
		t.Errorf("SendRaw: %v", err)
	}
	if err := s.SendEncoded(nil); err != peer.ErrNoPacket {
		t.Errorf("SendEncoded: %v", err)
	}
	if err := Send(s, registry.Packet[note]{}, &note{}); !errors.Is(err, peer.ErrNoPacket) {
		t.Errorf("Send of no packet: %v", err)
	}
	c, err := cli.Connect(t.Context(), p.server, Over(nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Loop().Call(t.Context(), func() {}); err != nil || c.State() != peer.Active {
		t.Errorf("a conn over no session is %v, %v", c.State(), err)
	}
	if err := s.Carry(nil); err != peer.ErrNoConn {
		t.Errorf("Carry: %v", err)
	}
}
