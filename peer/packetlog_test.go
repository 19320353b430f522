package peer

import (
	"fmt"
	"testing"
)

func TestPacketLog(t *testing.T) {
	setUp := func(s, c *side) { c.cfg.PacketLog = 3 }
	everywhere(t, setUp, func(t *testing.T, w *world) {
		Handle(w.server, w.s.ping, func(c *Conn, v *note) error { return Reply(c, w.s.pong, v) })
		pongs := inbox(t, w.client, w.c.pong, 10)
		_, cc := w.handshake(t)
		exchange := func(n int) {
			Send(cc, w.c.ping, &note{n, "x"})
			wait(t, "pong", pongs)
		}
		exchange(1)
		exchange(2)
		log := w.client.PacketLog()
		if len(log) != 3 {
			t.Fatalf("%d entries, want the last 3", len(log))
		}
		for i, want := range []string{"received test:pong", "sent test:ping", "received test:pong"} {
			if got := fmt.Sprint(log[i].Direction, " ", log[i].Packet); got != want {
				t.Errorf("entry %d is %q, want %q", i, got, want)
			}
			if log[i].Conn != cc.ID() || log[i].Size != len(log[i].Payload) {
				t.Errorf("entry %d: %+v", i, log[i])
			}
		}
		w.client.ClearPacketLog()
		w.client.SetPacketLog(10, false, true)
		exchange(3)
		if log := w.client.PacketLog(); len(log) != 1 || log[0].Direction != Sent {
			t.Errorf("with receiving off the log is %v", log)
		}
		w.client.SetPacketLog(0, false, false)
		exchange(4)
		if log := w.client.PacketLog(); len(log) != 0 {
			t.Errorf("with logging off the log is %v", log)
		}
	})
}
