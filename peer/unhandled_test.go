package peer

import (
	"bytes"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/packetmq/packetmq/registry"
)

// journal is a log that tests read.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *journal) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *journal) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

// Packets that nobody handles are counted by type, and told of once.
func TestUnhandledPackets(t *testing.T) {
	for name, test := range map[string]struct {
		setUp func(s *side)
		want  map[string]uint64
	}{
		"nobody":    {func(*side) {}, map[string]uint64{"test:ping": 3, "test:any": 3}},
		"OnPacket":  {func(s *side) { s.cfg.OnPacket = func(*Conn, *registry.Type, any) error { return nil } }, nil},
		"PacketIn":  {func(s *side) { s.cfg.PacketIn = func(_ *Conn, _ *registry.Type, v any) (any, error) { return v, nil } }, nil},
		"OnReceive": {func(s *side) { s.reg.Remove("test:any"); s.reg.AddObject("test:any", 30, tracerOfAny{}) }, map[string]uint64{"test:ping": 3}},
	} {
		t.Run(name, func(t *testing.T) {
			log := new(journal)
			setUp := func(s, c *side) {
				s.reg.AddObject("test:any", 30, nil)
				c.reg.AddObject("test:any", 50, nil)
				test.setUp(s)
				log.mu.Lock()
				log.b.Reset()
				log.mu.Unlock()
				s.cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
			}
			everywhere(t, setUp, func(t *testing.T, w *world) {
				pongs := inbox(t, w.client, w.c.pong, 1)
				Handle(w.server, w.s.pong, func(c *Conn, v *note) error { return Reply(c, w.s.pong, v) })
				_, cc := w.handshake(t)
				for range 3 {
					cc.Untyped().Send("test:ping", note{})
					cc.Untyped().Send("test:any", 1)
				}
				Send(cc, w.c.pong, &note{})
				wait(t, "the last", pongs)
				if got := w.server.Stats().Unhandled; !maps.Equal(got, test.want) {
					t.Errorf("unhandled %v, want %v", got, test.want)
				}
				for name := range test.want {
					eventually(t, "line for "+name, func() bool { return log.count("packet="+name+" ") == 1 })
				}
				if n := log.count("no handler"); n != len(test.want) {
					t.Errorf("%d lines, want %d", n, len(test.want))
				}
			})
		})
	}
}

type tracerOfAny struct{}

func (tracerOfAny) OnReceive(registry.Conn, any) error { return nil }

// What was removed is not counted under the name of what has its index now.
func TestUnhandledPacketsThatAreRemoved(t *testing.T) {
	reg := registry.New()
	var u packetCounts
	old, _ := reg.AddObject("test:old", 20, nil)
	if !u.add(old) || u.add(old) {
		t.Error("not told once")
	}
	reg.Remove(old)
	added, _ := reg.AddObject("test:new", 21, nil)
	if got := u.byName(reg.Table()); len(got) != 0 {
		t.Errorf("unhandled %v", got)
	}
	if !u.add(added) {
		t.Error("the new packet counts as told")
	}
	if got := u.byName(reg.Table()); len(got) != 1 || got["test:new"] != 1 || len(u.counts) > added.Index()+1 {
		t.Errorf("unhandled %v", got)
	}
}

// A packet that this side has removed still comes from the other side, which
// cannot know; that ends no conn.
func TestRemovedPacketsEndNoConn(t *testing.T) {
	withoutUpdates := func(_, c *side) { c.cfg.NoExtensions = true } // else the client learns of it
	everywhere(t, withoutUpdates, func(t *testing.T, w *world) {
		pongs := inbox(t, w.client, w.c.pong, 1)
		Handle(w.server, w.s.pong, func(c *Conn, v *note) error { return Reply(c, w.s.pong, v) })
		_, cc := w.handshake(t)
		if err := w.s.reg.Remove("test:ping"); err != nil {
			t.Fatal(err)
		}
		for range 3 * maxUnknown {
			if err := Send(cc, w.c.ping, &note{}); err != nil {
				t.Fatal(err)
			}
		}
		Send(cc, w.c.pong, &note{1, ""})
		wait(t, "answer", pongs)
		if n := w.server.Stats().Unknown; n != 3*maxUnknown {
			t.Errorf("%d unknown packets", n)
		}
	})
}

// Both sides of a refused handshake are told which names differ, in OnLost and
// in the log, whichever of them adapts.
func TestBothSidesAreToldWhichNamesDiffer(t *testing.T) {
	for _, serverAdapts := range []bool{false, true} {
		for name, over := range transports {
			t.Run(name, func(t *testing.T) {
				s, c := newSide(serverAdapts, 17, 18), newSide(!serverAdapts, 40, 41)
				logs := map[*side]*journal{s: new(journal), c: new(journal)}
				for side, log := range logs {
					side.cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
				}
				s.reg.AddObject("test:servers own", 50, nil)
				c.reg.AddObject("test:clients own", 51, nil)
				w := over(t, s, c)
				if _, err := w.connect(t.Context()); !errors.Is(err, ReasonNonEqualPackets) {
					t.Fatalf("Connect = %v", err)
				}
				for side, want := range map[*side]registry.MismatchError{
					s: {Missing: []string{"test:servers own"}, Extra: []string{"test:clients own"}},
					c: {Missing: []string{"test:clients own"}, Extra: []string{"test:servers own"}},
				} {
					e := side.next(t, "lost")
					got, ok := errors.AsType[*registry.MismatchError](e.reason)
					if !ok || !errors.Is(e.reason, ReasonNonEqualPackets) || got.Error() != want.Error() {
						t.Errorf("lost because of %v, want %v", e.reason, &want)
					}
					eventually(t, "line with both names", func() bool {
						return logs[side].count("servers own") == 1 && logs[side].count("clients own") == 1
					})
				}
				w.server.mu.Lock()
				w.client.mu.Lock()
				defer w.server.mu.Unlock()
				defer w.client.mu.Unlock()
				if len(w.server.mismatches)+len(w.client.mismatches) > 1 { // until the conn is removed
					t.Error("differences are kept")
				}
			})
		}
	}
}
