package websocket

// What tests of this package share: a server that echoes packets, and the other side of a
// WebSocket by hand.

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// note is the packet of the tests.
type note struct {
	N    int    `msgpack:"n"`
	Body []byte `msgpack:"body"`
}

const noteID = 40

var noted = registry.Define[note]("test:note", noteID)

// patience bounds what must not take long.
const patience = 10 * time.Second

// end is what became of a conn.
type end struct {
	conn   *peer.Conn
	reason error
}

// server is one that answers each note with the same, at a listener.
type server struct {
	*peer.Server
	addr  string
	made  chan *peer.Conn
	lost  chan end
	notes chan note
}

// serve starts a server at scheme://127.0.0.1:0. SetUp may change its settings before.
func serve(t *testing.T, scheme string, cfg *Config, setUp func(*peer.Config)) *server {
	t.Helper()
	leak.Check(t)
	s := &server{made: make(chan *peer.Conn, 100), lost: make(chan end, 100), notes: make(chan note, 1000)}
	var pc peer.Config
	pc.OnMade = func(c *peer.Conn) { s.made <- c }
	pc.OnLost = func(c *peer.Conn, reason error) { s.lost <- end{c, reason} }
	if setUp != nil {
		setUp(&pc)
	}
	reg := registry.New()
	reg.MustAdd(noted)
	s.Server = peer.NewServer(reg, &pc)
	peer.Handle(s, noted, func(c *peer.Conn, v *note) error {
		select {
		case s.notes <- *v:
		default: // there are more than anybody looks at
		}
		return peer.Reply(c, noted, v)
	})
	if err := Enable(s, cfg); err != nil {
		t.Fatal(err)
	}
	if err := s.RunAsync(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		await.True(t, "all buffers are back", func() bool { return s.Reactor().Buffers().Out() == 0 })
	})
	ln, err := s.Listen(scheme + "://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = ln.Addr().String()
	return s
}

// skipping has the conns of a server do without a handshake, so that a test by hand can send
// packets at once. A close frame that would wait for QuitGrace comes too late for any test.
func skipping(c *peer.Config) { c.SkipHandshake, c.QuitGrace = true, time.Minute }

// next takes the next value out of ch.
func next[T any](t *testing.T, what string, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(patience):
		t.Fatalf("no %s", what)
	}
	return v
}

// byHand is the client's end of a socket.
type byHand struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

// dial connects, and says nothing.
func (s *server) dial(t *testing.T) *byHand {
	t.Helper()
	nc, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	return &byHand{nc, t, bufio.NewReader(nc)}
}

const goodKey = "dGhlIHNhbXBsZSBub25jZQ=="

// request is that of RFC 6455, section 1.2. In place of the fields in change, or beside them,
// it has those of change; empty ones are left out.
func request(host string, change ...string) string {
	fields := []string{"Host: " + host, "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: " + goodKey, "Sec-WebSocket-Version: 13"}
	line := "GET /chat HTTP/1.1"
	for _, c := range change {
		name, value, isField := strings.Cut(c, ":")
		if !isField || strings.Contains(c, " HTTP/") {
			line = c
			continue
		}
		for i, f := range fields {
			if n, _, _ := strings.Cut(f, ":"); strings.EqualFold(n, name) {
				fields = append(fields[:i], fields[i+1:]...)
				break
			}
		}
		if value != "" {
			fields = append(fields, c)
		}
	}
	return line + "\r\n" + strings.Join(fields, "\r\n") + "\r\n\r\n"
}

// upgrade asks for an upgrade, and returns the answer.
func (c *byHand) upgrade(change ...string) *http.Response {
	c.t.Helper()
	c.write([]byte(request("server.example.com", change...)))
	return c.answer()
}

func (c *byHand) answer() *http.Response {
	c.t.Helper()
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp
}

// speak connects and upgrades.
func (s *server) speak(t *testing.T) *byHand {
	t.Helper()
	c := s.dial(t)
	if resp := c.upgrade(); resp.StatusCode != 101 {
		t.Fatalf("status %d", resp.StatusCode)
	}
	return c
}

func (c *byHand) write(b []byte) {
	c.t.Helper()
	if _, err := c.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// frame is a frame as a client sends it, masked. B0 is its first byte.
func frame(b0 byte, payload []byte) []byte {
	return rawFrame(b0, payload, []byte{0x37, 0xfa, 0x21, 0x3d})
}

// rawFrame is a frame with that key, or without a mask if it is nil.
func rawFrame(b0 byte, payload, key []byte) []byte {
	b := []byte{b0}
	n := len(payload)
	switch {
	case n > 0xffff:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	case n > 125:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = append(b, byte(n))
	}
	if key == nil {
		return append(b, payload...)
	}
	b[1] |= 0x80
	b = append(b, key...)
	for i, x := range payload {
		b = append(b, x^key[i%4])
	}
	return b
}

// binaryMessage is a whole message.
func binaryMessage(payload []byte) []byte { return frame(0x82, payload) }

// packet is a note as packetmq's frame.
func packet(t *testing.T, n int, body string) []byte {
	t.Helper()
	var m codec.Msgpack
	payload, err := m.Append(nil, &note{n, []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	return codec.AppendFrame(nil, noteID, payload)
}

// read reads a frame of the server's, which must not be masked.
func (c *byHand) read() (b0 byte, payload []byte) {
	c.t.Helper()
	b0, payload, err := c.tryRead()
	if err != nil {
		c.t.Fatal(err)
	}
	return b0, payload
}

func (c *byHand) tryRead() (b0 byte, payload []byte, err error) {
	var head [2]byte
	if _, err = io.ReadFull(c.r, head[:]); err != nil {
		return 0, nil, err
	}
	if head[1]&0x80 != 0 {
		return 0, nil, errors.New("the server masks")
	}
	n := uint64(head[1])
	switch n {
	case 126:
		var b [2]byte
		_, err = io.ReadFull(c.r, b[:])
		n = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		_, err = io.ReadFull(c.r, b[:])
		n = binary.BigEndian.Uint64(b[:])
	}
	payload = make([]byte, n)
	if err == nil {
		_, err = io.ReadFull(c.r, payload)
	}
	return head[0], payload, err
}

// readStream reads n bytes of the stream out of binary messages.
func (c *byHand) readStream(n int) (b []byte) {
	c.t.Helper()
	for len(b) < n {
		b0, payload := c.read()
		if b0 != 0x82 {
			c.t.Fatalf("frame %#x %q in place of a binary message", b0, payload)
		}
		b = append(b, payload...)
	}
	return b
}

// closed reads up to the close frame, and then to the end.
func (c *byHand) closed() (code Code, reason string) {
	c.t.Helper()
	for {
		b0, payload := c.read()
		if b0 != 0x88 {
			continue
		}
		if len(payload) >= 2 {
			code, reason = Code(binary.BigEndian.Uint16(payload)), string(payload[2:])
		}
		return code, reason
	}
}

// ended reads to the end of the socket.
func (c *byHand) ended() {
	c.t.Helper()
	if n, err := io.Copy(io.Discard, c.r); err != nil {
		c.t.Fatalf("%d bytes, and then %v", n, err)
	}
}

// wantEcho has a note sent and waits for its echo.
func (c *byHand) wantEcho(n int) {
	c.t.Helper()
	p := packet(c.t, n, fmt.Sprint("note ", n))
	c.write(binaryMessage(p))
	if got := c.readStream(len(p)); string(got) != string(p) {
		c.t.Fatalf("got %x, want %x", got, p)
	}
}

// wantProtocolError waits for the end of the only conn, because a rule was broken.
func (s *server) wantProtocolError(t *testing.T, c *byHand, code Code) {
	t.Helper()
	if got, reason := c.closed(); got != code {
		t.Errorf("closed with %d %q, want %d", got, reason, code)
	}
	var broken *ProtocolError
	if e := next(t, "end", s.lost); !errors.As(e.reason, &broken) || broken.Code != code {
		t.Errorf("OnLost was told %v, want a ProtocolError with %d", e.reason, code)
	}
}
