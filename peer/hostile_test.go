package peer

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

func TestBadInputEndsTheConnWithAReason(t *testing.T) {
	frame := func(id uint16, payload string) []byte { return codec.AppendFrame(nil, id, unhex(payload)) }
	var size *codec.SizeError
	var protocol *ProtocolError
	var unknown *UnknownIDError
	var payload *PayloadError
	for name, test := range map[string]struct {
		steps  int
		in     []byte
		reason Reason
		is     any
	}{
		"frame of no bytes":         {0, []byte{0, 0, 0, 0}, ReasonFrame, nil},
		"frame of one byte":         {3, []byte{0, 0, 0, 1, 0}, ReasonFrame, nil},
		"frame too long":            {3, []byte{0xff, 0xff, 0xff, 0xff}, ReasonFrame, &size},
		"frame over the limit":      {3, []byte{0, 0x10, 0, 1, 0, 17}, ReasonFrame, &size},
		"HTTP":                      {0, []byte("GET / HTTP/1.1\r\n\r\n"), ReasonFrame, &size},
		"TLS":                       {0, []byte{0x16, 3, 1, 2, 0, 1, 0, 1}, ReasonFrame, &size},
		"long init":                 {0, append([]byte{0, 0, 0, 100, 0, 0}, make([]byte, 98)...), ReasonFrame, &size},
		"long pubids":               {1, []byte{0, 1, 0, 3, 0, 2}, ReasonFrame, &size},
		"long softquit":             {0, []byte{0, 0, 8, 0, 0, 1}, ReasonFrame, &size},
		"init that is no map":       {0, frame(0, "c0"), ReasonPayload, nil},
		"init without a payload":    {0, frame(0, ""), ReasonPayload, nil},
		"second init":               {1, frame(0, "81a776657273696f6e01"), ReasonProtocol, &protocol},
		"pubids first":              {0, frame(2, "82a56164617074c3a569646d617080"), ReasonProtocol, &protocol},
		"second pubids":             {2, frame(2, "82a56164617074c3a569646d617080"), ReasonProtocol, &protocol},
		"pubids without adapt":      {1, frame(2, "80"), ReasonPayload, nil},
		"finish first":              {0, frame(3, "c0"), ReasonProtocol, &protocol},
		"finish in idcheck":         {1, frame(3, "c0"), ReasonProtocol, &protocol},
		"second finish":             {3, frame(3, "c0"), ReasonProtocol, &protocol},
		"finish that is not nil":    {2, frame(3, "01"), ReasonPayload, nil},
		"data first":                {0, frame(17, "c0"), ReasonProtocol, &protocol},
		"data in idcheck":           {1, frame(17, "c0"), ReasonProtocol, &protocol},
		"unknown first":             {0, frame(99, "c0"), ReasonProtocol, &protocol},
		"17 unknown ids":            {3, bytes.Repeat(frame(99, "c0"), 17), ReasonProtocol, &unknown},
		"cut off payload":           {3, frame(17, "82a16e"), ReasonPayload, &payload},
		"empty payload":             {3, frame(17, ""), ReasonPayload, &payload},
		"bytes after the payload":   {3, frame(17, "c0c0"), ReasonPayload, &payload},
		"array of four billion":     {3, frame(17, "ddffffffff"), ReasonPayload, &payload},
		"softquit without a reason": {3, frame(1, "80"), ReasonPayload, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSide(false, 17, 18)
			dial := listenWire(t, s)
			w := dial()
			w.shake(test.steps)
			if test.steps == 3 {
				s.next(t, "made")
			}
			w.Write(test.in)
			if got := w.quitReason(); got != test.reason {
				t.Errorf("the other side is told %v, want %v", got, test.reason)
			}
			e := s.next(t, "lost")
			if !errors.Is(e.reason, test.reason) {
				t.Errorf("lost because of %v, want %v", e.reason, test.reason)
			}
			if test.is != nil && !errors.As(e.reason, test.is) {
				t.Errorf("lost because of %v, want a %T in it", e.reason, test.is)
			}
			nothing(t, "event", s.events)
		})
	}
}

func TestForeignProtocolIsNamed(t *testing.T) {
	for want, in := range map[string]string{"HTTP": "GET / HTTP/1.1\r\n\r\n", "TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc"} {
		s := newSide(false, 17, 18)
		w := listenWire(t, s)()
		io.WriteString(w, in)
		if e := s.next(t, "lost"); !strings.Contains(e.reason.Error(), want) {
			t.Errorf("the error does not name %s: %v", want, e.reason)
		}
	}
}

func TestSixteenUnknownIDsAreForgiven(t *testing.T) {
	s := newSide(false, 17, 18)
	pings := make(chan []byte, 1)
	dial := listenWire(t, s)
	w := dial()
	_ = pings
	w.shake(3)
	sc := s.next(t, "made").conn
	sc.Peer().Untyped().HandleRaw("test:ping", func(c *Conn, b []byte) error { pings <- bytes.Clone(b); return nil })
	for range maxUnknown {
		w.send(99, []byte{0xc0})
	}
	w.send(17, []byte{0xc0})
	if b := wait(t, "packet", pings); !bytes.Equal(b, []byte{0xc0}) {
		t.Errorf("got %x", b)
	}
}

// Handshake and data in one segment, without reading anything, at every
// chunking: data may stand before finish.
func TestPipelinedHandshake(t *testing.T) {
	pub := pubIDsMsg{adapt: true, ids: []registry.Entry{{Name: "x:y", ID: 16}}}
	var in []byte
	in = codec.AppendFrame(in, 0, initMsg{version: 1}.append(nil))
	in = codec.AppendFrame(in, 2, pub.append(nil))
	in = codec.AppendFrame(in, 17, unhex("82a16e01a474657874a161"))
	in = codec.AppendFrame(in, 3, []byte{0xc0})
	in = codec.AppendFrame(in, 17, unhex("82a16e02a474657874a162"))
	in = codec.AppendFrame(in, 1, softquitMsg{"reason.bye"}.append(nil))
	s := newSide(false, 17, 18)
	dial := listenWire(t, s)
	got := make(chan note, 2)
	first := true
	for cut := 0; cut <= len(in); cut++ {
		w := dial()
		w.Write(in[:cut])
		if cut > 4 {
			w.expect(0) // so that the first part was read before the second comes
		}
		if first {
			first = false
			w.Write(in[cut:])
			c := s.next(t, "made").conn
			s.next(t, "lost")
			Handle(c.Peer(), s.ping, func(c *Conn, v *note) error { got <- *v; return nil })
			continue
		}
		w.Write(in[cut:])
		s.next(t, "made")
		for n := 1; n <= 2; n++ {
			if v := wait(t, "packet", got); v.N != n {
				t.Fatalf("cut at %d: got %+v, want %d", cut, v, n)
			}
		}
		if e := s.next(t, "lost"); e.reason != Reason("reason.bye") {
			t.Fatalf("cut at %d: lost because of %v", cut, e.reason)
		}
		w.Close()
	}
}

// An id map from the other side never changes the registry or another conn.
func TestHostileIDMaps(t *testing.T) {
	internal := []registry.Entry{
		{Name: registry.NameInit, ID: 0}, {Name: registry.NameSoftquit, ID: 1},
		{Name: registry.NamePubIDs, ID: 2}, {Name: registry.NameFinish, ID: 3},
	}
	with := func(more ...registry.Entry) []registry.Entry { return append(internal[:4:4], more...) }
	for name, ids := range map[string][]registry.Entry{
		"duplicate id":    with(registry.Entry{Name: "test:ping", ID: 40}, registry.Entry{Name: "test:pong", ID: 40}),
		"duplicate name":  with(registry.Entry{Name: "test:ping", ID: 40}, registry.Entry{Name: "test:ping", ID: 41}),
		"reserved id":     with(registry.Entry{Name: "test:ping", ID: 5}, registry.Entry{Name: "test:pong", ID: 41}),
		"moved internals": {{Name: registry.NameInit, ID: 1}, {Name: registry.NameSoftquit, ID: 0}, internal[2], internal[3], {Name: "test:ping", ID: 40}, {Name: "test:pong", ID: 41}},
		"no internals":    {{Name: "test:ping", ID: 40}, {Name: "test:pong", ID: 41}},
		"nothing":         {},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSide(true, 17, 18) // adapts
			dial := listenWire(t, s)
			before := s.reg.Table()
			w := dial()
			w.expect(0)
			w.send(0, initMsg{version: 1}.append(nil))
			w.expect(2)
			w.send(2, pubIDsMsg{ids: ids}.append(nil))
			reason := w.quitReason()
			if reason != ReasonProtocol && reason != ReasonNonEqualPackets {
				t.Errorf("told %v", reason)
			}
			if e := s.next(t, "lost"); !errors.Is(e.reason, reason) {
				t.Errorf("lost because of %v", e.reason)
			}
			if s.reg.Table() != before {
				t.Error("the registry changed")
			}
		})
	}
}

// To a side that announces no limit of its own, no frame goes that the Python
// library would not take.
func TestLimitOfTheOriginal(t *testing.T) {
	s := newSide(false, 17, 18)
	w := listenWire(t, s)()
	w.shake(3)
	c := s.next(t, "made").conn
	typ := s.pong.In(s.reg)
	if err := c.SendRaw(typ, make([]byte, OriginalMaxFrame-codec.IDSize)); err != nil {
		t.Errorf("a frame of %d bytes: %v", OriginalMaxFrame, err)
	}
	var se *SizeError
	if err := c.SendRaw(typ, make([]byte, OriginalMaxFrame-codec.IDSize+1)); !errors.As(err, &se) || se.Max != OriginalMaxFrame {
		t.Errorf("a frame of %d bytes: %v", OriginalMaxFrame+1, err)
	}
	if f := w.expect(18); len(f) != OriginalMaxFrame {
		t.Errorf("%d bytes arrived", len(f))
	}
}

// After a softquit of its own a side waits for the other to close, but not for
// ever.
func TestSoftquitDoesNotWaitForEver(t *testing.T) {
	s := newSide(false, 17, 18)
	s.cfg.QuitGrace = 20 * time.Millisecond
	w := listenWire(t, s)()
	w.shake(3)
	c := s.next(t, "made").conn
	c.Softquit("reason.bye")
	if f := w.expect(1); f == nil {
		t.Fatal("no softquit")
	}
	if f := w.recv(); f != nil {
		t.Errorf("%x after the softquit", []byte(f))
	}
	s.next(t, "lost")
	eventually(t, "disconnected", func() bool { return c.State() == Disconnected })
}

// What arrives after an own softquit is dropped, and does not end anything.
func TestPacketsAfterOwnSoftquit(t *testing.T) {
	s := newSide(false, 17, 18)
	w := listenWire(t, s)()
	w.shake(3)
	c := s.next(t, "made").conn
	got := make(chan struct{}, 1)
	c.Peer().Untyped().HandleRaw("test:ping", func(*Conn, []byte) error { got <- struct{}{}; return nil })
	c.Softquit("reason.bye")
	w.expect(1)
	w.send(17, []byte{0xc0})
	w.send(3, []byte{0xc0})
	w.Close()
	if e := s.next(t, "lost"); e.reason != Reason("reason.bye") {
		t.Errorf("lost because of %v", e.reason)
	}
	eventually(t, "disconnected", func() bool { return c.State() == Disconnected })
	nothing(t, "packet", got)
	nothing(t, "event", s.events)
}
