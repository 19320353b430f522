package session

import (
	"errors"
	"slices"
	"testing"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// When as much waits as may, the program's choice decides: the send is refused, the packet is
// dropped and counted, or the session ends with all that waited.
func TestOverflow(t *testing.T) {
	for name, test := range map[string]struct {
		policy  registry.Overflow
		want    error
		dropped uint64
		ends    bool
	}{
		"default":     {0, ErrFull, 0, false},
		"refuse":      {registry.Refuse, ErrFull, 0, false},
		"drop newest": {registry.DropNewest, nil, 1, false},
		"drop oldest": {registry.DropOldest, nil, 1, false},
		"close":       {registry.CloseSlow, ErrFull, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			p := newPair(t, Config{})
			ended := make(chan ends, 1)
			s := New(p.client(t), &Config{Packets: 3, Overflow: test.policy, OnEnd: func(s *Session, reason error, unacked []Packet) { ended <- ends{s, reason, unacked} }})
			for n := range 3 {
				send(t, s, n)
			}
			if err := send1(s, 3); err != test.want || s.Dropped() != test.dropped {
				t.Errorf("one more: %v, and %d are dropped", err, s.Dropped())
			}
			if !test.ends {
				if n, _ := s.Pending(); n != 3 {
					t.Errorf("%d wait", n)
				}
				s.End("")
			}
			e := await.Value(t, "end", ended)
			if test.ends && e.reason != ErrFull || !slices.Equal(numbers(t, e.unacked), []int{0, 1, 2}) {
				t.Errorf("ended with %v and %v", e.reason, numbers(t, e.unacked))
			}
		})
	}
}

// The bound on bytes is one of payloads, and a packet over it is refused at once. A packet type's own
// policy goes before that of the session.
func TestOverflowOfBytesAndTypes(t *testing.T) {
	leak.Check(t)
	reg := registry.NewAdapting()
	text := registry.MustAdd[string](reg, "test:text", 50)
	drops := registry.MustAdd[string](reg, "test:drops", 51, registry.OnOverflow(registry.DropNewest))
	cli := peer.NewMemoryClient(reg, nil)
	defer cli.Close()
	s := New(cli, &Config{Bytes: 100})
	long, short := string(make([]byte, 90)), "short"
	var size *peer.SizeError
	if huge := string(make([]byte, 101)); !errors.As(Send(s, text, &huge), &size) {
		t.Error("a packet longer than all that may wait is taken")
	}
	if err := Send(s, text, &long); err != nil {
		t.Error(err)
	}
	if err := Send(s, text, &long); err != ErrFull {
		t.Error(err)
	}
	if err := Send(s, drops, &long); err != nil || s.Dropped() != 1 {
		t.Error(err)
	}
	if err := Send(s, text, &short); err != nil {
		t.Error(err)
	}
	if err := Send(s, news, &note{}); !errors.Is(err, peer.ErrNoPacket) {
		t.Errorf("a packet of another registry: %v", err)
	}
	if err := s.SendRaw(nil, nil); !errors.Is(err, peer.ErrNoPacket) {
		t.Errorf("no packet: %v", err)
	}
	if err := Send(nil, text, &short); err != ErrNoSession {
		t.Error(err)
	}
}

// What was acknowledged frees its room, so that any number of packets go through a small box.
func TestSmallBox(t *testing.T) {
	leak.Check(t)
	p := newPair(t, Config{})
	s, err := DialMemory(t.Context(), p.client(t), p.server, &Config{Packets: 8, Bytes: 40})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 500 {
		await.True(t, "room", func() bool { return send1(s, n) == nil })
		if n%100 == 50 {
			for far := range p.sessions.All() {
				far.Conn().Abort(nil) // nil, if it is away
			}
		}
	}
	wantSequence(t, p.got, 0, 499)
}

// A server refuses a session beyond its bound, and what its program does not want. Nobody else
// notices.
func TestServerRefuses(t *testing.T) {
	leak.Check(t)
	no := errors.New("no")
	denied := false
	p := newPair(t, Config{Service: Service{Sessions: 1, MayBegin: func(*peer.Conn) error {
		if denied {
			return no
		}
		return nil
	}, MayResume: func(*Session, *peer.Conn) error { return no }}})
	s, err := DialMemory(t.Context(), p.client(t), p.server, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := DialMemory(t.Context(), p.client(t), p.server, nil); err != ErrTooMany {
		t.Errorf("one more: %v", err)
	}
	far := await.Value(t, "session", p.fresh)
	far.Conn().Abort(nil)
	await.True(t, "the session may not come back", func() bool { return s.Err() == ErrDenied })
	far.End("")
	await.True(t, "it is gone", func() bool { return p.sessions.Len() == 0 })
	denied = true
	if _, err := DialMemory(t.Context(), p.client(t), p.server, nil); err != ErrDenied {
		t.Errorf("denied: %v", err)
	}
	if st := StatsOf(p.server); st.Denied != 1 || st.Refused != 3 {
		t.Errorf("the server has counted %+v", st)
	}
}

// A server without sessions, and one without the feature at all, end the client's session.
func TestNotServed(t *testing.T) {
	for name, cfg := range map[string]*peer.Config{"no sessions": nil, "no extensions": {Identity: peer.Identity{NoExtensions: true}}} {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			reg := registry.New()
			reg.MustAdd(news, plain)
			srv := peer.NewMemoryServer(reg, cfg)
			defer srv.Close()
			srv.RunAsync()
			far := registry.NewAdapting()
			far.MustAdd(news, plain)
			cli := peer.NewMemoryClient(far, &peer.Config{Reactor: srv.Reactor()})
			defer cli.Close()
			if _, err := DialMemory(t.Context(), cli, srv, nil); err != ErrNotServed {
				t.Errorf("Dial returns %v", err)
			}
		})
	}
}
