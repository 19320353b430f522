package websocket

// What a hostile client tries.

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/peer"
)

// refusals is how many sockets the server has refused because of err.
func (s *server) refusals(err error) uint64 { return s.Stats().Refused[err.Error()] }

func TestSlowUpgradeIsEnded(t *testing.T) {
	s := serve(t, "ws", nil, func(c *peer.Config) { c.Handshake = 300 * time.Millisecond })
	c := s.dial(t)
	c.write([]byte("GET / HTTP/1.1\r\n"))
	c.ended()
	await.True(t, "it is counted", func() bool { return s.refusals(peer.ErrScheme) == 1 })
	if n := len(s.lost); n != 0 {
		t.Errorf("OnLost was called %d times for what was no conn", n)
	}
}

func TestAnUpgradeByteByByte(t *testing.T) {
	s := serve(t, "ws", nil, skipping)
	c := s.dial(t)
	p := packet(t, 1, "in single bytes")
	all := append([]byte(request("server.example.com")), frame(0x02, p[:3])...)
	all = append(all, frame(0x89, []byte("ping"))...)
	all = append(all, frame(0x80, p[3:])...)
	for _, b := range all {
		c.write([]byte{b})
	}
	if resp := c.answer(); resp.StatusCode != 101 {
		t.Fatalf("status %d", resp.StatusCode)
	}
	if b0, payload := c.read(); b0 != 0x8a || string(payload) != "ping" {
		t.Fatalf("got frame %#x %q", b0, payload)
	}
	if got := c.readStream(len(p)); !bytes.Equal(got, p) {
		t.Fatalf("got %x, want %x", got, p)
	}
}

func TestHeaderFloodIsRefused(t *testing.T) {
	s := serve(t, "ws", nil, nil)
	for name, head := range map[string]string{
		"one long field":   "GET / HTTP/1.1\r\nX: " + strings.Repeat("x", MaxHeader),
		"many fields":      "GET / HTTP/1.1\r\n" + strings.Repeat("X: y\r\n", MaxHeader/6),
		"long line":        "GET /" + strings.Repeat("x", MaxHeader),
		"all but its end":  "GET / HTTP/1.1\r\nX: " + strings.Repeat("x", MaxHeader-19-4) + "\r\n\r" + "x",
		"in many segments": "",
	} {
		t.Run(name, func(t *testing.T) {
			c := s.dial(t)
			if head == "" {
				c.write([]byte("GET / HTTP/1.1\r\n"))
				for range MaxHeader / 64 {
					if _, err := c.Write([]byte("X: " + strings.Repeat("y", 59) + "\r\n")); err != nil {
						break
					}
				}
			} else {
				c.write([]byte(head))
			}
			if resp := c.answer(); resp.StatusCode != 431 {
				t.Errorf("status %d, want 431", resp.StatusCode)
			}
		})
	}
}

func TestTheLongestHeaderIsTaken(t *testing.T) {
	s := serve(t, "ws", nil, nil)
	for _, more := range []int{0, 1} {
		c := s.dial(t)
		r := request("server.example.com", "X: y")
		r = strings.Replace(r, "X: y", "X: "+strings.Repeat("y", MaxHeader-len(r)+1+more), 1)
		c.write([]byte(r))
		if resp, want := c.answer(), 101+330*more; resp.StatusCode != want {
			t.Errorf("%d bytes: status %d, want %d", len(r), resp.StatusCode, want)
		}
	}
}

// A frame of any length is taken, a packet is not: what counts is the length in the packet.
func TestHugeFrameTakesNoMemory(t *testing.T) {
	s := serve(t, "ws", nil, skipping)
	c := s.speak(t)
	key := []byte{0, 0, 0, 0}
	c.write(append(binary.BigEndian.AppendUint64([]byte{0x82, 0xff}, 1<<62), key...))
	p := packet(t, 1, "the first of many in a frame that never ends")
	for range 3 {
		c.write(p)
		if got := c.readStream(len(p)); !bytes.Equal(got, p) {
			t.Fatalf("got %x, want %x", got, p)
		}
	}
	c.write([]byte{0xff, 0xff, 0xff, 0xff})
	if e := next(t, "end", s.lost); !errors.Is(e.reason, peer.ReasonFrame) {
		t.Errorf("OnLost was told %v, want %v", e.reason, peer.ReasonFrame)
	}
}

// Whoever pings and does not read has no pongs pile up.
func TestPingFloodPilesNothingUp(t *testing.T) {
	s := serve(t, "ws", nil, skipping)
	c := s.speak(t)
	conn := next(t, "conn", s.made)
	flood := bytes.Repeat(frame(0x89, make([]byte, 125)), 1000)
	for range 50 {
		c.write(flood)
	}
	c.wantEchoAmongPongs(1)
	if n := conn.Pending(); n > 1000 {
		t.Errorf("%d bytes wait", n)
	}
}

// wantEchoAmongPongs is wantEcho for a client that has sent pings.
func (c *byHand) wantEchoAmongPongs(n int) {
	c.t.Helper()
	p := packet(c.t, n, "among pongs")
	c.write(binaryMessage(p))
	pongs := 0
	for {
		b0, payload := c.read()
		if b0 == 0x82 {
			if !bytes.Equal(payload, p) {
				c.t.Fatalf("got %x, want %x", payload, p)
			}
			break
		}
		pongs++
	}
	if pongs == 0 || pongs > 25000 {
		c.t.Errorf("%d pongs for 50,000 pings", pongs)
	}
}

func TestWhatIsNotHTTPIsRefusedAtOnce(t *testing.T) {
	s := serve(t, "ws", nil, nil)
	for _, first := range []string{"\x00\x00\x00\x0c\x00\x00", "\x16\x03\x01", "get / HTTP/1.1\r\n\r\n", "\x80"} {
		c := s.dial(t)
		c.write([]byte(first))
		if resp := c.answer(); resp.StatusCode != 400 {
			t.Errorf("%q: status %d, want 400", first, resp.StatusCode)
		}
		c.ended()
	}
	await.True(t, "all are counted", func() bool { return s.refusals(peer.ErrScheme) == 4 })
}

// Silent sockets make room for newcomers, as over every transport.
func TestSilentSocketsMakeRoom(t *testing.T) {
	s := serve(t, "ws", nil, func(c *peer.Config) { c.HalfOpen = 4; c.SkipHandshake = true })
	for range 8 {
		nc, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
	}
	s.speak(t).wantEcho(1)
	await.True(t, "some made room", func() bool { return s.refusals(peer.ErrHalfOpen) > 0 })
}

// A client that vanishes within a frame is a conn that has ended.
func TestEndWithinAFrame(t *testing.T) {
	s := serve(t, "ws", nil, skipping)
	for _, part := range [][]byte{{0x82}, {0x82, 0xfe, 1}, binaryMessage(packet(t, 1, strings.Repeat("x", 200)))[:100], frame(0x89, make([]byte, 100))[:50]} {
		c := s.speak(t)
		c.write(part)
		c.Close()
		if e := next(t, "end", s.lost); !errors.Is(e.reason, io.EOF) {
			t.Errorf("OnLost was told %v", e.reason)
		}
	}
}

// Nothing is handled that comes after a close frame or a broken rule.
func TestNothingIsHandledAfterTheEnd(t *testing.T) {
	s := serve(t, "ws", nil, skipping)
	for _, last := range [][]byte{frame(0x88, nil), frame(0xc2, nil)} {
		c := s.speak(t)
		c.write(append(last, binaryMessage(packet(t, 1, "too late"))...))
		next(t, "end", s.lost)
		select {
		case v := <-s.notes:
			t.Errorf("a note was handled: %v", v)
		default:
		}
	}
}
