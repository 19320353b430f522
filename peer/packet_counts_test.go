package peer_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/peertest"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

var (
	countedAsk  = registry.Define[string]("count:ask", 40)
	countedTell = registry.Define[string]("count:tell", 41)
)

func countedSide(adapt bool) *peertest.Side { return peertest.NewSide(adapt, countedAsk, countedTell) }

// countsOf are the counts of a peer by name, in and out.
func countsOf(t *testing.T, p *peer.Peer) map[string]peer.PacketCount {
	t.Helper()
	list, err := p.Counts(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	byName := make(map[string]peer.PacketCount)
	for _, n := range list {
		name := ""
		if n.Packet != nil {
			name = n.Packet.Name()
		}
		n.Packet = nil
		byName[name] = n
	}
	return byName
}

// frame is the size of the frame of a short text.
func frame(text string) uint64 { return uint64(codec.HeaderSize + 1 + len(text)) }

// Each way to send a packet is counted once, at both sides, with the bytes of its frame.
func TestPacketsAreCountedOnEveryWay(t *testing.T) {
	text := "12345"
	ways := map[string]func(c *peer.Conn, t *registry.Type) error{
		"Reply":    func(c *peer.Conn, _ *registry.Type) error { return peer.Reply(c, countedTell, &text) },
		"Send":     func(c *peer.Conn, _ *registry.Type) error { return peer.Send(c, countedTell, &text) },
		"ReplyRaw": func(c *peer.Conn, t *registry.Type) error { return c.ReplyRaw(t, []byte("\xa512345")) },
		"SendRaw":  func(c *peer.Conn, t *registry.Type) error { return c.SendRaw(t, []byte("\xa512345")) },
		"Broadcast": func(c *peer.Conn, _ *registry.Type) error {
			return peer.Broadcast(c.Peer(), countedTell, &text)
		},
		"elsewhere": func(c *peer.Conn, _ *registry.Type) error {
			err := make(chan error)
			go func() { err <- peer.Send(c, countedTell, &text) }()
			return <-err
		},
	}
	for name, send := range ways {
		t.Run(name, func(t *testing.T) {
			const packets = 300 // more than a share of a turn
			got := make(chan struct{}, packets)
			peertest.Everywhere(t, countedSide, func(w *peertest.World) {
				peer.Handle(w.Server, countedAsk, func(c *peer.Conn, _ *string) error {
					return send(c, countedTell.In(c.Peer().Registry()))
				})
				peer.Handle(w.Client, countedTell, func(*peer.Conn, *string) error { got <- struct{}{}; return nil })
			}, func(t *testing.T, w *peertest.World) {
				for range packets {
					if err := peer.Send(w.AtClient, countedAsk, &text); err != nil {
						t.Fatal(err)
					}
				}
				for range packets {
					<-got
				}
				all := peer.Traffic{Packets: packets, Bytes: packets * frame(text)}
				server, client := countsOf(t, w.Server), countsOf(t, w.Client)
				if server["count:ask"].In != all || server["count:tell"].Out != all {
					t.Errorf("the server counts %+v", server)
				}
				if client["count:ask"].Out != all || client["count:tell"].In != all {
					t.Errorf("the client counts %+v", client)
				}
				var in, out peer.Traffic
				var list []peer.PacketCount
				w.AtServer.Loop().Call(t.Context(), func() {
					in, out = w.AtServer.Traffic()
					list = w.AtServer.AppendCounts(nil)
				})
				if in != all || out != all || len(list) != 2 {
					t.Errorf("the conn counts %v in, %v out, by type %v", in, out, list)
				}
			})
		})
	}
}

// Shared payloads are counted by their whole length, and packets that hooks see like others.
func TestLongAndHookedPacketsAreCounted(t *testing.T) {
	long := string(make([]byte, 100_000))
	size := uint64(codec.HeaderSize + 5 + len(long))
	for name, set := range map[string]func(cfg *peer.Config){
		"plain": func(*peer.Config) {},
		"hooked": func(cfg *peer.Config) {
			cfg.EncodedOut = func(_ *peer.Conn, raw []byte) ([]byte, error) { return raw, nil }
		},
		"logged": func(cfg *peer.Config) { cfg.PacketLog = 3 },
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan int, 8)
			newSide := func(adapt bool) *peertest.Side {
				s := countedSide(adapt)
				set(&s.Cfg)
				return s
			}
			peertest.Everywhere(t, newSide, func(w *peertest.World) {
				peer.Handle(w.Server, countedAsk, func(c *peer.Conn, _ *string) error {
					err := peer.Reply(c, countedTell, &long)
					return errors.Join(err, peer.Send(c, countedTell, &long), peer.Reply(c, countedTell, &long))
				})
				peer.Handle(w.Client, countedTell, func(_ *peer.Conn, v *string) error { got <- len(*v); return nil })
			}, func(t *testing.T, w *peertest.World) {
				if err := peer.Broadcast(w.Server, countedTell, &long); err != nil {
					t.Fatal(err)
				}
				text := "x"
				if err := peer.Send(w.AtClient, countedAsk, &text); err != nil {
					t.Fatal(err)
				}
				for range 4 {
					<-got
				}
				all := peer.Traffic{Packets: 4, Bytes: 4 * size}
				if n := countsOf(t, w.Server)["count:tell"].Out; n != all {
					t.Errorf("the server counts %+v, want %+v", n, all)
				}
				if n := countsOf(t, w.Client)["count:tell"].In; n != all {
					t.Errorf("the client counts %+v, want %+v", n, all)
				}
			})
		})
	}
}

// What waits in the conn where no more leaves is counted when it leaves, and what is dropped
// there is not counted at all.
func TestPacketsThatAreDroppedAreNotCounted(t *testing.T) {
	v := engine.NewVirtual(&engine.Config{MaxPending: 1 << 20})
	defer v.Close()
	sreg, creg := registry.New(), registry.NewAdapting()
	sreg.MustAdd(countedAsk, countedTell)
	creg.MustAdd(countedAsk, countedTell)
	srv := peer.NewMemoryServer(sreg, &peer.Config{Reactor: v.Reactor(), Overflow: registry.DropOldest})
	var atServer, atClient *peer.Conn
	cli := peer.NewMemoryClient(creg, &peer.Config{Reactor: v.Reactor(), Events: peer.Events{OnMade: func(c *peer.Conn) { atClient = c }}})
	got := 0
	peer.Handle(cli, countedTell, func(*peer.Conn, *string) error { got++; return nil })
	if err := cli.ConnectAsync(srv); err != nil {
		t.Fatal(err)
	}
	v.Settle(1000)
	for atServer = range srv.Conns() {
	}
	atClient.PauseRead()
	v.Settle(1000)
	text, sent := string(make([]byte, 10_000)), 0
	for range 50 {
		atServer.Loop().Post(func() {
			for range 10 {
				if peer.Reply(atServer, countedTell, &text) == nil {
					sent++
				}
			}
		})
		v.Settle(1000)
	}
	atClient.ResumeRead()
	if v.Settle(100_000); atServer.Dropped() == 0 || got == 0 {
		t.Fatalf("%d dropped, %d came: the test is to drop some", atServer.Dropped(), got)
	}
	var out peer.Traffic
	atServer.Loop().Post(func() { _, out = atServer.Traffic() })
	v.Settle(1000)
	if out.Packets != uint64(got) || out.Packets+atServer.Dropped() != uint64(sent) {
		t.Errorf("%d counted, %d came, %d dropped, %d sent", out.Packets, got, atServer.Dropped(), sent)
	}
}

// Packets that cannot be handled are counted by type; a Reason and ErrDrop are no failures.
func TestFailedPacketsAreCounted(t *testing.T) {
	errOwn := errors.New("no")
	for name, test := range map[string]struct {
		handle func(*peer.Conn, *string) error
		raw    []byte
		failed uint64
	}{
		"an error":     {func(*peer.Conn, *string) error { return errOwn }, nil, 1},
		"a panic":      {func(*peer.Conn, *string) error { panic("oh") }, nil, 1},
		"a bad packet": {func(*peer.Conn, *string) error { return nil }, []byte{0xc1}, 1},
		"a Reason":     {func(*peer.Conn, *string) error { return peer.Reason("x") }, nil, 0},
		"ErrDrop":      {func(c *peer.Conn, _ *string) error { c.Close(); return peer.ErrDrop }, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			peertest.Everywhere(t, countedSide, func(w *peertest.World) {
				peer.Handle(w.Server, countedAsk, test.handle)
			}, func(t *testing.T, w *peertest.World) {
				raw := []byte("\xa1x")
				if test.raw != nil {
					raw = test.raw
				}
				lost := make(chan struct{})
				w.AtServer.OnLost(func(error) { close(lost) })
				if err := w.AtClient.SendRaw(countedAsk.In(w.Client.Registry()), raw); err != nil {
					t.Fatal(err)
				}
				<-lost
				n := countsOf(t, w.Server)["count:ask"]
				if n.Failed != test.failed || n.In.Packets != 1 {
					t.Errorf("counted %+v, want %d failed", n, test.failed)
				}
			})
		})
	}
}

// More types than a conn counts one by one are counted together.
func TestTypesOfOneConnAreBounded(t *testing.T) {
	const types = 40
	var defs []registry.Packet[string]
	newSide := func(adapt bool) *peertest.Side {
		s := countedSide(adapt)
		for _, d := range defs {
			s.Reg.MustAdd(d)
		}
		return s
	}
	for i := range types {
		defs = append(defs, registry.Define[string]("count:n"+string(rune('a'+i/26))+string(rune('a'+i%26)), 100+i))
	}
	got := make(chan struct{}, types)
	peertest.Everywhere(t, newSide, func(w *peertest.World) {
		for _, d := range defs {
			peer.Handle(w.Server, d, func(*peer.Conn, *string) error { got <- struct{}{}; return nil })
		}
	}, func(t *testing.T, w *peertest.World) {
		text := "x"
		for _, d := range defs {
			if err := peer.Send(w.AtClient, d, &text); err != nil {
				t.Fatal(err)
			}
		}
		for range types {
			<-got
		}
		var list []peer.PacketCount
		w.AtServer.Loop().Call(t.Context(), func() { list = w.AtServer.AppendCounts(nil) })
		i := slices.IndexFunc(list, func(n peer.PacketCount) bool { return n.Packet == nil })
		if len(list) != 33 || i != 32 || list[i].In.Packets != types-32 {
			t.Errorf("the conn counts %d types, together %+v", len(list), list[len(list)-1])
		}
		if n := len(countsOf(t, w.Server)); n != types {
			t.Errorf("the peer counts %d types, want %d", n, types)
		}
	})
}

// The counts of a conn that has ended stay in those of its peer, and what was counted of a
// type that was removed is counted together.
func TestCountsStayWhenConnsAndTypesGo(t *testing.T) {
	got := make(chan struct{}, 1)
	peertest.Everywhere(t, countedSide, func(w *peertest.World) {
		peer.Handle(w.Server, countedAsk, func(*peer.Conn, *string) error { got <- struct{}{}; return nil })
	}, func(t *testing.T, w *peertest.World) {
		text := "x"
		if err := peer.Send(w.AtClient, countedAsk, &text); err != nil {
			t.Fatal(err)
		}
		<-got
		w.AtServer.Close()
		await.True(t, "no conn", func() bool { return w.Server.NumConns() == 0 })
		one := peer.Traffic{Packets: 1, Bytes: frame(text)}
		if n := countsOf(t, w.Server); n["count:ask"].In != one {
			t.Errorf("counted %+v after the end", n)
		}
		if err := w.Server.Registry().Remove(countedAsk); err != nil {
			t.Fatal(err)
		}
		if n := countsOf(t, w.Server); n[""].In != one || len(n) != 1 {
			t.Errorf("counted %+v after the type was removed", n)
		}
	})
}
