package peer

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/packetmq/packetmq/registry"
)

func TestInternalPacketsBypassTheState(t *testing.T) {
	s := newSide(false, 17, 18)
	if _, err := s.reg.AddInternal("packetmq:early", 9, nil); err != nil {
		t.Fatal(err)
	}
	got := make(chan any, 1)
	s.cfg.OnPacket = func(_ *Conn, typ *registry.Type, v any) error { got <- v; return nil }
	w := listenWire(t, s)()
	w.expect(0)
	w.send(9, []byte{0x2a})
	if v := wait(t, "packet", got); v != int64(42) {
		t.Errorf("got %v", v)
	}
	w.send(0, initMsg{version: 1}.append(nil))
	w.expect(2) // it went on: internal packets are no violation
	nothing(t, "event", s.events)
}

func TestLongInternalPackets(t *testing.T) {
	s := newSide(false, 17, 18)
	w := listenWire(t, s)()
	w.shake(3)
	s.next(t, "made")
	w.send(1, softquitMsg{Reason(strings.Repeat("x", maxReason))}.append(make([]byte, 0, 5000))[:5000])
	if e := s.next(t, "lost"); !errors.Is(e.reason, ReasonProtocol) {
		t.Errorf("lost because of %v", e.reason)
	}
}

func TestReasonsAreText(t *testing.T) {
	for _, reason := range []string{strings.Repeat("ü", 400), "\xff\xfe", "a" + strings.Repeat("ü", 400)} {
		m, err := parseSoftquit(softquitMsg{Reason(reason)}.append(nil))
		if err != nil || !utf8.ValidString(string(m.reason)) || len(m.reason) > maxReason {
			t.Errorf("%.10q became %.10q, %v", reason, m.reason, err)
		}
	}
}
