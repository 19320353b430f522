package session

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/internal/peertest"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// pair is a server with sessions, and a client that comes back.
type pair struct {
	reg      *registry.Registry
	server   *peer.Server
	sessions *Sessions
	fresh    chan *Session // of the server's
	got      chan int      // by the server
	heard    events        // by the program at the server
	backoff  *peer.Backoff
}

func newPair(t testing.TB, cfg Config) *pair {
	t.Helper()
	return newPairOf(t, 0, cfg)
}

// newPairOf is newPair with a number of loops.
func newPairOf(t testing.TB, loops int, cfg Config) *pair {
	t.Helper()
	p := &pair{reg: registry.New(), fresh: make(chan *Session, 100), got: make(chan int, 10000)}
	p.reg.MustAdd(news, plain)
	p.backoff = &peer.Backoff{Min: time.Millisecond, Max: 10 * time.Millisecond}
	p.server = peer.NewServer(p.reg, &peer.Config{Engine: engineLoops(loops)})
	handleNews(p.server, p.got)
	onNew := cfg.OnNew
	cfg.OnNew = func(s *Session) {
		p.heard.add("new")
		if onNew != nil {
			onNew(s)
		}
		p.fresh <- s
	}
	cfg.OnAway = func(*Session, error) { p.heard.add("away") }
	cfg.OnBack = func(*Session, time.Duration) { p.heard.add("back") }
	onEnd := cfg.OnEnd
	cfg.OnEnd = func(s *Session, reason error, unacked []Packet) {
		p.heard.add("end: " + reason.Error())
		if onEnd != nil {
			onEnd(s, reason, unacked)
		}
	}
	p.sessions = Serve(p.server, &cfg)
	if err := p.server.RunAsync(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.server.Close() })
	return p
}

// client makes a memory client of the server's, which runs.
func (p *pair) client(t testing.TB) *peer.MemoryClient {
	t.Helper()
	reg := registry.NewAdapting()
	reg.MustAdd(news, plain)
	cli := peer.NewMemoryClient(reg, &peer.Config{Reactor: p.server.Reactor(), Reconnect: p.backoff})
	t.Cleanup(func() { cli.Close() })
	return cli
}

// A client with Reconnect goes on by itself, over TCP and in memory, and both programs are told
// when the session is away and back.
func TestReconnect(t *testing.T) {
	for _, over := range []string{"tcp", "memory"} {
		t.Run(over, func(t *testing.T) {
			leak.Check(t)
			p := newPair(t, Config{})
			got := make(chan int, 1000)
			var heard events
			cfg := &Config{
				OnNew:  func(*Session) { heard.add("new") },
				OnAway: func(*Session, error) { heard.add("away") },
				OnBack: func(*Session, time.Duration) { heard.add("back") },
				OnEnd:  func(_ *Session, reason error, _ []Packet) { heard.add("end: " + reason.Error()) },
			}
			var s *Session
			var err error
			if over == "memory" {
				cli := p.client(t)
				handleNews(cli, got)
				s, err = DialMemory(t.Context(), cli, p.server, cfg)
			} else {
				reg := registry.NewAdapting()
				reg.MustAdd(news, plain)
				cli := peer.NewClient(reg, &peer.Config{Reconnect: p.backoff})
				handleNews(cli, got)
				cli.RunAsync()
				t.Cleanup(func() { cli.Close() })
				ln, lerr := p.server.Listen("127.0.0.1:0")
				if lerr != nil {
					t.Fatal(lerr)
				}
				s, err = Dial(t.Context(), cli, "tcp://"+ln.Addr().String(), cfg)
			}
			if err != nil {
				t.Fatal(err)
			}
			far := await.Value(t, "session", p.fresh)
			for n := range 3 {
				send(t, s, n)
				send(t, far, n)
				far.Conn().Abort(errCut)
				await.True(t, "back", func() bool { return len(heard.all()) == 3+2*n && !far.Away() })
			}
			wantSequence(t, p.got, 0, 2)
			wantSequence(t, got, 0, 2)
			s.End("test.over")
			await.True(t, "the server's session has ended", func() bool { return far.Err() != nil })
			want := []string{"new", "away", "back", "away", "back", "away", "back", "end: test.over"}
			await.True(t, "all is told", func() bool { return len(heard.all()) == 8 && len(p.heard.all()) == 8 })
			if !slices.Equal(heard.all(), want) || !slices.Equal(p.heard.all(), want) {
				t.Errorf("told %q at the client and %q at the server", heard.all(), p.heard.all())
			}
		})
	}
}

// Of two conns that claim a session the newer one gets it, and the older one ends with a reason
// of its own.
func TestNewerConnWins(t *testing.T) {
	for _, loops := range []int{1, 3} {
		t.Run(fmt.Sprint(loops, " loops"), func(t *testing.T) {
			leak.Check(t)
			peertestLoops(t, loops, func(w *world, lost <-chan error) {
				s := New(w.Client, nil)
				s.Carry(w.AtClient)
				<-s.Begun()
				c := w.AtClient
				for n := range 6 {
					send(t, s, n)
					next, err := w.Connect(context.Background())
					if err != nil {
						t.Fatal(err)
					}
					if err := s.Carry(next); err != nil {
						t.Fatal(err)
					}
					await.True(t, "the newer conn carries it", func() bool { return s.Conn() == next })
					await.True(t, "the older one is over", func() bool { return c.State() >= peer.Softquitted })
					if reason := await.Value(t, "loss", lost); reason != ReasonSuperseded {
						t.Errorf("the older conn was lost with %v", reason)
					}
					c = next
				}
				s.End("")
			})
		})
	}
}

func peertestLoops(t *testing.T, loops int, test func(w *world, lost <-chan error)) {
	t.Helper()
	s, c := newSide(false), newSide(true)
	lost := make(chan error, 100)
	s.Cfg.Engine = engineLoops(loops)
	c.Cfg.Engine = engineLoops(loops)
	c.Cfg.OnLost = func(_ *peer.Conn, reason error) { lost <- reason }
	w := peertest.OverTCP(t, s, c, func(w *world) {
		Serve(w.Server, nil)
		New(w.Client, nil).End("")
		handleNews(w.Server, make(chan int, 100))
	})
	test(w, lost)
}

// A session that nobody comes back for ends, and tells what was not acknowledged.
func TestSessionExpires(t *testing.T) {
	leak.Check(t)
	ended := make(chan ends, 1)
	p := newPair(t, Config{Away: time.Millisecond, OnEnd: func(s *Session, reason error, unacked []Packet) { ended <- ends{s, reason, unacked} }})
	s, err := DialMemory(t.Context(), p.client(t), p.server, nil)
	if err != nil {
		t.Fatal(err)
	}
	far := await.Value(t, "session", p.fresh)
	s.Conn().Abort(errCut) // the client has left, and does not come back
	for n := 0; send1(far, n) == nil; n++ {
	}
	if e := await.Value(t, "end", ended); e.reason != ErrExpired || e.s != far {
		t.Errorf("ended with %v", e.reason)
	}
	if p.sessions.Len() != 0 || p.sessions.Get(far.ID()) != nil {
		t.Error("the server still has it")
	}
}

func send1(s *Session, n int) error { return Send(s, news, &note{n}) }
