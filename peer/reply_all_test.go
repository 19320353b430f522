package peer

import (
	"bytes"
	"testing"
)

// What a callback replies by ReplyRawAll and ReplyExtension arrives in order with all else, and
// is counted.
func TestReplyRawAll(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		got := make(chan string, 20)
		x := Extension{Feature: testFeature, Packet: func(_ *Conn, d []byte) error { got <- string(d); return nil }}
		w.server.Extend(x)
		w.client.Extend(x)
		sc, _ := w.handshake(t)
		HandleRaw(w.client, w.c.ping, func(_ *Conn, payload []byte) error { got <- string(payload); return nil })
		ping := w.s.ping.In(w.server.Registry())
		sc.Loop().Call(t.Context(), func() {
			hasRoom := sc.Pending() == 0 // all of the handshake has gone
			sc.SendRaw(ping, []byte("queued"))
			three := [][]byte{[]byte("one"), {}, []byte("three")}
			if sent := sc.ReplyRawAll(ping, three); hasRoom && !sent {
				t.Error("not all were sent")
			} else if !sent {
				for _, payload := range three {
					sc.ReplyRaw(ping, payload)
				}
			}
			if err := sc.ReplyExtension(testFeature, []byte("of the feature")); err != nil {
				t.Error(err)
			}
			sc.SendRaw(ping, []byte("queued, too"))
			if sc.ReplyRawAll(ping, [][]byte{[]byte("four"), make([]byte, DefaultMaxFrame)}) {
				t.Error("one that is too large was sent")
			}
			sc.ReplyRaw(ping, []byte("last"))
		})
		for _, want := range []string{"queued", "one", "", "three", "of the feature", "queued, too", "last"} {
			if text := wait(t, "packet", got); text != want {
				t.Errorf("%q came, want %q", text, want)
			}
		}
		if out := countOf(t, w.server.Peer, w.s.ping.Name()).Out; out.Packets != 6 {
			t.Errorf("counted %d packets", out.Packets)
		}
	})
}

// ReplyRawAll sends nothing where there is no plenty of room, and ReplyExtension says so.
func TestReplyRawAllNeedsRoom(t *testing.T) {
	everywhere(t, func(s, _ *side) { s.cfg.MaxFrame = 4 << 20 }, func(t *testing.T, w *world) {
		sc, _ := w.handshake(t)
		ping := w.s.ping.In(w.server.Registry())
		much := bytes.Repeat([]byte("."), 64<<10)
		sc.Loop().Call(t.Context(), func() {
			if sc.ReplyRawAll(ping, [][]byte{much, much, much}) {
				t.Error("more than 128 KiB were sent as if there were plenty of room")
			}
			if err := sc.ReplyExtension(testFeature, nil); err == nil {
				t.Error("a feature that is not in force has a packet")
			}
			sc.Softquit("reason.bye")
			if sc.ReplyRawAll(ping, [][]byte{{1}}) {
				t.Error("a conn that has ended sends")
			}
		})
	})
}
