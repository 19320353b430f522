package websocket

// How conns end: the reason of a softquit is that of the close frame.

import (
	"context"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/packetmq/packetmq/peer"
)

func TestTheReasonIsThatOfTheCloseFrame(t *testing.T) {
	for _, test := range []struct {
		name   string
		setUp  func(*peer.Config)
		end    func(t *testing.T, s *server, c *byHand)
		code   Code
		reason string
	}{
		{"a softquit", skipping, func(t *testing.T, s *server, _ *byHand) { next(t, "conn", s.made).Softquit("bye") }, 1000, "bye"},
		{"Close", skipping, func(t *testing.T, s *server, _ *byHand) { next(t, "conn", s.made).Close() }, 1000, "reason.generic"},
		{"a shutdown", skipping, func(t *testing.T, s *server, _ *byHand) { go s.Shutdown(context.Background()) }, 1001, "reason.shutdown"},
		{"a long reason", skipping, func(t *testing.T, s *server, _ *byHand) {
			next(t, "conn", s.made).Softquit(peer.Reason(strings.Repeat("ä", 100)))
		}, 1000, strings.Repeat("ä", 61)},
		{"a bad frame", skipping, func(_ *testing.T, _ *server, c *byHand) { c.write(binaryMessage([]byte("\xff\xff\xff\xff"))) }, 1002, "reason.frame"},
		{"a bad payload", skipping, func(_ *testing.T, _ *server, c *byHand) {
			c.write(binaryMessage([]byte("\x00\x00\x00\x03\x00\x28\xc1")))
		}, 1007, "reason.payload"},
		{"no handshake", nil, func(_ *testing.T, _ *server, c *byHand) {
			c.write(binaryMessage([]byte("\x00\x00\x00\x03\x00\x03\xc0")))
		}, 1002, "reason.protocol"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, "ws", nil, test.setUp)
			c := s.speak(t)
			test.end(t, s, c)
			code, reason := c.closed()
			if code != test.code || reason != test.reason {
				t.Errorf("closed with %d %q, want %d %q", code, reason, test.code, test.reason)
			}
			c.write(frame(0x88, appendClose(nil, code, "")))
			c.ended()
			next(t, "end", s.lost)
		})
	}
}

func TestCodesOfReasons(t *testing.T) {
	for reason, want := range map[error]Code{
		peer.ReasonGeneric: 1000, peer.Reason("any"): 1000, nil: 1000, errors.New("no reason"): 1000,
		peer.ReasonShutdown: 1001, peer.ReasonNonEqualPackets: 1002, peer.ReasonTimeout: 1008,
		peer.ReasonHandler: 1011, &peer.Fault{Reason: peer.ReasonDenied, Err: errors.New("x")}: 1008,
		&peer.Fault{Reason: peer.ReasonProtocol, Err: &ProtocolError{1003, "text"}}: 1003,
	} {
		if got, _ := closeFor(reason); got != want {
			t.Errorf("%v has code %d, want %d", reason, got, want)
		}
	}
}

func TestCloseReasonsAreCutBetweenCharacters(t *testing.T) {
	for _, reason := range []string{"", "x", strings.Repeat("x", 123), strings.Repeat("x", 124), strings.Repeat("€", 60), "x" + strings.Repeat("€", 60), "bad \xff byte", strings.Repeat("\xff", 200)} {
		b := appendClose(nil, 1000, reason)
		if len(b) > maxControl || !utf8.Valid(b[2:]) {
			t.Errorf("%q becomes %d bytes, %q", reason, len(b), b[2:])
		}
		if code, got, fault := parseClose(b); fault != nil || code != 1000 || utf8.ValidString(reason) && !strings.HasPrefix(reason, got) {
			t.Errorf("%q is read as %d %q, %v", reason, code, got, fault)
		}
	}
}

// Both sides of this package close in order, whoever begins.
func TestBothSidesCloseInOrder(t *testing.T) {
	for _, who := range []string{"server", "client"} {
		t.Run(who, func(t *testing.T) {
			s := serve(t, "ws", nil, nil)
			lost := make(chan error, 1)
			cli, _ := client(t, nil, func(c *peer.Config) { c.OnLost = func(_ *peer.Conn, reason error) { lost <- reason } })
			c, err := cli.Connect(t.Context(), "ws://"+s.addr)
			if err != nil {
				t.Fatal(err)
			}
			at := next(t, "conn", s.made)
			if who == "server" {
				at.Softquit("from here")
			} else {
				c.Softquit("from here")
			}
			for name, got := range map[string]error{"server": next(t, "end", s.lost).reason, "client": next(t, "end", lost)} {
				if got != error(peer.Reason("from here")) {
					t.Errorf("the %s's OnLost was told %v", name, got)
				}
			}
		})
	}
}
