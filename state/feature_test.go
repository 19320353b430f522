package state

import (
	"errors"
	"testing"

	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/internal/peertest"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/room"
)

// A conn without the feature is refused with an error that says so, and is sent nothing: not
// one value, and no packet that it does not know.
func TestASideWithoutTheFeatureIsRefused(t *testing.T) {
	for name, client := range map[string]func(s *side, w *world){
		"no mirror": func(*side, *world) {},
		"original":  func(s *side, w *world) { s.Cfg.NoExtensions = true },
	} {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			var st *State[thing]
			var lobby room.Room
			c := newSide(true)
			client(c, nil)
			w := peertest.OverTCP(t, newSide(false), c, func(w *world) {
				lobby = room.New(w.Server, nil).Room("lobby")
				st = New(lobby, things, Hz(MaxHz))
				if name == "original" {
					NewMirror(w.Client, things, nil)
				}
			})
			eventually(t, "an active conn", func() bool { return w.AtServer.State() == peer.Active })
			if err := st.Join(w.AtServer); err != ErrNoFeature {
				t.Errorf("Join: %v", err)
			}
			if err := st.View(w.AtServer, nil); err != ErrNoFeature {
				t.Errorf("View: %v", err)
			}
			if err := lobby.Join(w.AtServer); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the member to be refused", func() bool { return st.Stats().Refused == 1 })
			st.Set(&thing{1, 1})
			if s := st.Stats(); s.Readers != 0 || s.Values != 0 {
				t.Errorf("it is a reader: %+v", s)
			}
		})
	}
}

// A conn whose handshake is not complete may join. What is wrong with it is found out later.
func TestAConnMayJoinBeforeItsHandshakeIsComplete(t *testing.T) {
	for _, extensions := range []bool{true, false} {
		s := newStage(t)
		g := &guest{stage: s}
		cfg := s.config()
		cfg.NoExtensions = !extensions
		g.client = peer.NewMemoryClient(s.reg, cfg)
		g.Mirror = NewMirror(g.client, things, nil)
		server := s.config()
		server.OnOpen = func(c *peer.Conn) {
			if err := s.lobby.Join(c); err != nil {
				t.Error(err)
			}
		}
		s.server = peer.NewMemoryServer(s.reg, server)
		s.rooms = room.New(s.server, nil)
		s.lobby = s.rooms.Room("lobby")
		s.st = New(s.lobby, things)
		s.set(1, 1)
		if err := g.client.ConnectAsync(s.server); err != nil {
			t.Fatal(err)
		}
		if extensions {
			g.want(map[uint64]int{1: 1})
		} else {
			g.want(nil)
		}
		if refused := s.st.Stats().Refused; refused == 0 == !extensions {
			t.Errorf("%d readers were refused, with extensions: %v", refused, extensions)
		}
	}
}

// An optional packet that the other side lacks has the conn refused.
func TestAConnThatLacksThePacketIsRefused(t *testing.T) {
	var maybe = Define("test:maybe", 45, func(v *thing) uint64 { return v.ID }, registry.Optional())
	s, c := newSide(false), newSide(true)
	s.Reg.MustAdd(maybe.Packets()...)
	var st *State[thing]
	w := peertest.OverMemory(true)(t, s, c, func(w *world) {
		st = NewFor(w.Server, maybe)
		NewMirror(w.Client, things, nil)
	})
	eventually(t, "an active conn", func() bool { return w.AtServer.State() == peer.Active })
	if err := st.Join(w.AtServer); err != ErrNoPacket {
		t.Errorf("Join: %v", err)
	}
}

func TestWhoCannotBeAReader(t *testing.T) {
	s := newStage(t)
	g := s.join()
	s.ticks(1)
	var nobody *peer.Conn
	var away *visitor
	for what, m := range map[string]room.Member{"nil": nil, "a nil conn": nobody, "a nil session": away, "a conn of another peer": g.atClient} {
		if err := s.st.Join(m); err != ErrNoReader {
			t.Errorf("%s: Join: %v", what, err)
		}
	}
	g.atServer.Abort(nil)
	s.settle()
	if err := s.st.Join(g.atServer); !errors.Is(err, peer.ErrClosed) {
		t.Errorf("a conn that has ended: Join: %v", err)
	}
	if s.st.Leave(g.atServer) {
		t.Error("who is no reader has left")
	}
}
