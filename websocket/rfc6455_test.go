package websocket

// One test for each section of RFC 6455 that asks something of a server, by its number.

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/peer"
)

// 4.2.1: what a request must have.
func TestRFC6455_4_2_1_Request(t *testing.T) {
	s := serve(t, "ws", nil, nil)
	for _, test := range []struct {
		name   string
		change []string
		status int
	}{
		{"as in the RFC", nil, 101},
		{"absolute target", []string{"GET http://server.example.com/chat HTTP/1.1"}, 101},
		{"lists, in any case", []string{"Connection: keep-alive, uPGRADE", "Upgrade: h2c, WebSocket"}, 101},
		{"POST", []string{"POST /chat HTTP/1.1"}, 405},
		{"HTTP/1.0", []string{"GET /chat HTTP/1.0"}, 505},
		{"HTTP/2", []string{"PRI * HTTP/2.0"}, 505},
		{"no Host", []string{"Host:"}, 400},
		{"two Hosts", []string{"X: y\r\nHost: other"}, 400},
		{"bad Host", []string{"Host: a/b"}, 400},
		{"no Upgrade", []string{"Upgrade:"}, 426},
		{"other Upgrade", []string{"Upgrade: h2c"}, 426},
		{"no Connection", []string{"Connection:"}, 426},
		{"other Connection", []string{"Connection: keep-alive"}, 426},
		{"no key", []string{"Sec-WebSocket-Key:"}, 400},
		{"two keys", []string{"X: y\r\nSec-WebSocket-Key: " + goodKey}, 400},
		{"short key", []string{"Sec-WebSocket-Key: c2hvcnQ="}, 400},
		{"no base64", []string{"Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!=="}, 400},
		{"no version", []string{"Sec-WebSocket-Version:"}, 426},
		{"body", []string{"Content-Length: 5"}, 400},
		{"chunked", []string{"Transfer-Encoding: chunked"}, 400},
		{"no method", []string{"/chat HTTP/1.1"}, 400},
		{"field without colon", []string{"X: y\r\nnonsense"}, 400},
		{"folded", []string{"X: y\r\n z: 1"}, 400},
		{"bare LF", []string{"X: y\nZ: 1"}, 400},
		{"space before the colon", []string{"X : y"}, 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := s.dial(t)
			resp := c.upgrade(test.change...)
			if resp.StatusCode != test.status {
				t.Fatalf("status %d, want %d", resp.StatusCode, test.status)
			}
			if test.status != 101 {
				c.ended()
			}
		})
	}
}

// 4.2.2: what the answer must have.
func TestRFC6455_4_2_2_Answer(t *testing.T) {
	s := serve(t, "ws", nil, nil)
	for _, test := range []struct{ offered, agreed string }{
		{"", ""}, {"chat", ""}, {"chat, packetmq.1", "packetmq.1"}, {"packetmq.1", "packetmq.1"},
	} {
		c := s.dial(t)
		var change []string
		if test.offered != "" {
			change = []string{"Sec-WebSocket-Protocol: " + test.offered}
		}
		h := c.upgrade(change...).Header
		for name, want := range map[string]string{
			"Upgrade": "websocket", "Connection": "Upgrade", "Sec-Websocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
			"Sec-Websocket-Protocol": test.agreed, "Sec-Websocket-Extensions": "",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("offered %q: %s is %q, want %q", test.offered, name, got, want)
			}
		}
	}
}

// 4.4: another version is refused with those that there are.
func TestRFC6455_4_4_Version(t *testing.T) {
	s := serve(t, "ws", nil, nil)
	for _, v := range []string{"8", "14", "13, 8", "x"} {
		c := s.dial(t)
		resp := c.upgrade("Sec-WebSocket-Version: " + v)
		if resp.StatusCode != 426 || resp.Header.Get("Sec-WebSocket-Version") != "13" {
			t.Errorf("version %s: status %d, Sec-WebSocket-Version %q", v, resp.StatusCode, resp.Header.Get("Sec-WebSocket-Version"))
		}
		c.ended()
	}
}

// 5.1: a client's frames are masked, a server's are not.
func TestRFC6455_5_1_Masks(t *testing.T) {
	s := serve(t, "ws", nil, skipping)
	c := s.speak(t)
	c.wantEcho(1) // byHand takes no masked frame
	c.write(rawFrame(0x82, packet(t, 2, ""), nil))
	s.wantProtocolError(t, c, CodeProtocol)
}

// 5.2: reserved bits and opcodes, and lengths in as few bytes as they need.
func TestRFC6455_5_2_Framing(t *testing.T) {
	s := serve(t, "ws", nil, skipping)
	key := []byte{1, 2, 3, 4}
	long := func(length uint64) []byte {
		return append(binary.BigEndian.AppendUint64([]byte{0x82, 0x80 | 127}, length), key...)
	}
	for name, b := range map[string][]byte{
		"RSV1":                  frame(0xc2, []byte("x")),
		"RSV2":                  frame(0xa2, []byte("x")),
		"RSV3":                  frame(0x92, []byte("x")),
		"opcode 3":              frame(0x83, []byte("x")),
		"opcode 7":              frame(0x87, []byte("x")),
		"opcode 11":             frame(0x8b, []byte("x")),
		"opcode 15":             frame(0x8f, []byte("x")),
		"5 in 16 bits":          append([]byte{0x82, 0x80 | 126, 0, 5}, key...),
		"5 in 64 bits":          long(5),
		"65535 in 64 bits":      long(65535),
		"the highest bit":       long(1 << 63),
		"two bytes are enough":  {0xc2, 0x80},
		"after a good message":  append(binaryMessage(packet(t, 1, "x")), frame(0xc2, nil)...),
		"after a control frame": append(frame(0x89, []byte("x")), frame(0xc2, nil)...),
	} {
		t.Run(name, func(t *testing.T) {
			c := s.speak(t)
			c.write(b)
			s.wantProtocolError(t, c, CodeProtocol)
		})
	}
}

// 5.2: all three forms of a length.
func TestRFC6455_5_2_Lengths(t *testing.T) {
	s := serve(t, "ws", nil, skipping)
	c := s.speak(t)
	for _, n := range []int{0, 1, 60, 90, 93, 94, 95, 200, 65500, 65535, 65536, 70000, 300000} {
		p := packet(t, n, strings.Repeat("x", n))
		c.write(binaryMessage(p))
		if got := c.readStream(len(p)); !bytes.Equal(got, p) {
			t.Fatalf("%d bytes came back differently", n)
		}
	}
}

// 5.3: every key, at every place of the stream.
func TestRFC6455_5_3_Masking(t *testing.T) {
	s := serve(t, "ws", nil, skipping)
	c := s.speak(t)
	p := packet(t, 1, "masked in pieces, each with a key of its own")
	for cut := range len(p) {
		c.write(rawFrame(0x02, p[:cut], []byte{byte(cut), 0, 0xff, 7}))
		c.write(rawFrame(0x80, p[cut:], []byte{0, 0, 0, 0}))
		if got := c.readStream(len(p)); !bytes.Equal(got, p) {
			t.Fatalf("cut at %d: got %x, want %x", cut, got, p)
		}
	}
}

// 5.4: messages in fragments, with control frames between them, and none that begins in another.
func TestRFC6455_5_4_Fragmentation(t *testing.T) {
	s := serve(t, "ws", nil, skipping)
	c := s.speak(t)
	p := packet(t, 1, "in three fragments, one of them empty")
	c.write(frame(0x02, p[:5]))
	c.write(frame(0x89, []byte("between")))
	c.write(frame(0x00, nil))
	if b0, payload := c.read(); b0 != 0x8a || string(payload) != "between" {
		t.Errorf("got frame %#x %q, want the pong", b0, payload)
	}
	c.write(frame(0x80, p[5:]))
	if got := c.readStream(len(p)); !bytes.Equal(got, p) {
		t.Fatalf("got %x, want %x", got, p)
	}
	for name, b := range map[string][]byte{
		"continuation of nothing":   frame(0x80, []byte("x")),
		"a message in a message":    append(frame(0x02, []byte("\x00\x00")), frame(0x82, []byte("x"))...),
		"continuation after an end": append(binaryMessage(packet(t, 1, "x")), frame(0x80, []byte("x"))...),
	} {
		t.Run(name, func(t *testing.T) {
			c := s.speak(t)
			c.write(b)
			s.wantProtocolError(t, c, CodeProtocol)
		})
	}
}

// 5.5: control frames are short and whole.
func TestRFC6455_5_5_ControlFrames(t *testing.T) {
	s := serve(t, "ws", nil, skipping)
	for name, b := range map[string][]byte{
		"126 bytes":       frame(0x89, make([]byte, 126)),
		"fragmented":      frame(0x09, []byte("x")),
		"close of 126":    frame(0x88, make([]byte, 126)),
		"fragmented pong": frame(0x0a, nil),
	} {
		t.Run(name, func(t *testing.T) {
			c := s.speak(t)
			c.write(b)
			s.wantProtocolError(t, c, CodeProtocol)
		})
	}
}

// 5.5.1: a close frame is answered, and after it nothing is sent.
func TestRFC6455_5_5_1_Close(t *testing.T) {
	s := serve(t, "ws", nil, skipping)
	for name, test := range map[string]struct {
		payload []byte
		code    Code
		err     error
	}{
		"without a code": {nil, 0, io.EOF},
		"1000":           {appendClose(nil, 1000, "done"), 1000, io.EOF},
		"1001":           {appendClose(nil, 1001, ""), 1001, io.EOF},
		"4000":           {appendClose(nil, 4000, "for a reason"), 4000, &CloseError{4000, "for a reason"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := s.speak(t)
			p := packet(t, 1, "answered before the close")
			c.write(append(binaryMessage(p), frame(0x88, test.payload)...))
			if got := c.readStream(len(p)); !bytes.Equal(got, p) {
				t.Fatalf("got %x, want the answer", got)
			}
			if code, _ := c.closed(); code != test.code {
				t.Errorf("the answer has code %d, want %d", code, test.code)
			}
			c.ended()
			e := next(t, "end", s.lost)
			var closed *CloseError
			want, isClosed := test.err.(*CloseError)
			if isClosed && (!errors.As(e.reason, &closed) || *closed != *want || !errors.Is(e.reason, io.EOF)) || !isClosed && e.reason != test.err {
				t.Errorf("OnLost was told %v, want %v", e.reason, test.err)
			}
		})
	}
}

// 5.5.2 and 5.5.3: a ping is answered with its payload. Of several that come at once the last one is.
func TestRFC6455_5_5_2_Ping(t *testing.T) {
	s := serve(t, "ws", nil, skipping)
	c := s.speak(t)
	for _, payload := range []string{"", "x", strings.Repeat("y", 125)} {
		c.write(frame(0x89, []byte(payload)))
		if b0, got := c.read(); b0 != 0x8a || string(got) != payload {
			t.Fatalf("got frame %#x %q, want a pong with %q", b0, got, payload)
		}
	}
	c.wantEcho(1)
}

// 5.5.3: a pong that nobody has asked for is no fault.
func TestRFC6455_5_5_3_Pong(t *testing.T) {
	s := serve(t, "ws", nil, skipping)
	c := s.speak(t)
	c.write(frame(0x8a, []byte("unasked")))
	c.wantEcho(1)
}

// 5.6: packets are binary. A text message is what this server cannot take.
func TestRFC6455_5_6_DataFrames(t *testing.T) {
	s := serve(t, "ws", nil, skipping)
	c := s.speak(t)
	c.write(frame(0x81, []byte("hello")))
	s.wantProtocolError(t, c, CodeUnsupported)
}

// 7.1.1 and 7.1.2: who ends the conversation says so in a close frame, and the server closes the
// socket once that is answered.
func TestRFC6455_7_1_ClosingHandshake(t *testing.T) {
	s := serve(t, "ws", nil, skipping)
	c := s.speak(t)
	conn := next(t, "conn", s.made)
	if err := conn.Softquit("reason.bye"); err != nil {
		t.Fatal(err)
	}
	if code, reason := c.closed(); code != CodeNormal || reason != "reason.bye" {
		t.Errorf("closed with %d %q", code, reason)
	}
	c.write(frame(0x88, appendClose(nil, 1000, "")))
	c.ended()
	if e := next(t, "end", s.lost); e.reason != error(peer.Reason("reason.bye")) {
		t.Errorf("OnLost was told %v", e.reason)
	}
}

// 7.4.1: codes that may not be sent.
func TestRFC6455_7_4_1_Codes(t *testing.T) {
	s := serve(t, "ws", nil, skipping)
	for _, code := range []uint16{0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		c := s.speak(t)
		c.write(frame(0x88, binary.BigEndian.AppendUint16(nil, code)))
		s.wantProtocolError(t, c, CodeProtocol)
	}
	c := s.speak(t)
	c.write(frame(0x88, []byte{3}))
	s.wantProtocolError(t, c, CodeProtocol)
}

// 8.1: the reason of a close frame is UTF-8.
func TestRFC6455_8_1_UTF8(t *testing.T) {
	s := serve(t, "ws", nil, skipping)
	c := s.speak(t)
	c.write(frame(0x88, append(binary.BigEndian.AppendUint16(nil, 1000), 0xff, 0xfe)))
	s.wantProtocolError(t, c, CodePayload)
}

// 9.1: extensions that a client offers are declined.
func TestRFC6455_9_1_Extensions(t *testing.T) {
	s := serve(t, "ws", nil, skipping)
	c := s.dial(t)
	resp := c.upgrade("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")
	if got := resp.Header.Get("Sec-WebSocket-Extensions"); resp.StatusCode != 101 || got != "" {
		t.Errorf("status %d, extensions %q", resp.StatusCode, got)
	}
	c.wantEcho(1)
}

// 10.2: pages of other origins are refused.
func TestRFC6455_10_2_Origin(t *testing.T) {
	s := serve(t, "ws", nil, nil)
	for origin, status := range map[string]int{
		"http://server.example.com": 101, "https://server.example.com": 101, "https://server.example.com:443": 101,
		"https://evil.example": 403, "https://server.example.com.evil.example": 403, "null": 403, "nonsense": 403,
	} {
		if resp := s.dial(t).upgrade("Origin: " + origin); resp.StatusCode != status {
			t.Errorf("%s: status %d, want %d", origin, resp.StatusCode, status)
		}
	}
}
