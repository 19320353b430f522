package websocket

// What a stranger can send: any head of HTTP, and any stream of frames.

import (
	"bufio"
	"bytes"
	"net/http"
	"testing"

	"github.com/packetmq/packetmq/engine"
)

// FuzzUpgrade parses heads. What is taken is what net/http reads too, and is the same however
// it is cut.
func FuzzUpgrade(f *testing.F) {
	f.Add([]byte(request("server.example.com")), 5)
	f.Add([]byte(request("x", "Origin: https://example.org", "Sec-WebSocket-Protocol: packetmq.1, token.x")), 40)
	f.Add([]byte(request("x", "GET http://y/z?token=a HTTP/1.1")), 1)
	f.Add([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n\r\n"), 0)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		var whole, pieces headBuffer
		head, n, err := whole.add(b)
		cut = min(max(cut, 0), len(b))
		head2, n2, err2 := pieces.add(b[:cut])
		if head2 == nil && err2 == nil {
			if n2 != cut {
				t.Fatalf("%d of %d bytes were taken", n2, cut)
			}
			var more int
			head2, more, err2 = pieces.add(b[cut:])
			n2 += more
		}
		if !bytes.Equal(head, head2) || (err == nil) != (err2 == nil) || head != nil && n != n2 {
			t.Fatalf("whole: %q, %d, %v; in pieces: %q, %d, %v", head, n, err, head2, n2, err2)
		}
		if head == nil {
			return
		}
		r, refusal := parseRequest(head)
		if refusal == nil {
			refusal = new(Config).withDefaults().admit(r)
		}
		if refusal != nil {
			if refusal.Status < 400 || refusal.Status > 599 {
				t.Fatalf("refused with %d", refusal.Status)
			}
			return
		}
		hr, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
		if err != nil {
			t.Fatalf("net/http does not take %q: %v", head, err)
		}
		if hr.Host != r.Host || hr.URL.Path != r.URL.Path || len(hr.Header) != len(r.Header) {
			t.Fatalf("net/http reads %q %q %v, this %q %q %v", hr.Host, hr.URL.Path, hr.Header, r.Host, r.URL.Path, r.Header)
		}
	})
}

// FuzzAnswer has a client read answers.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + acceptFor(goodKey) + "\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 404 Not Found\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := new(Config).withDefaults().checkAnswer(b, goodKey); err == nil && !bytes.Contains(b, []byte(acceptFor(goodKey))) {
			t.Errorf("%q is taken", b)
		}
	})
}

// FuzzHeads reads headers of frames, and writes them again.
func FuzzHeads(f *testing.F) {
	for _, b := range [][]byte{{0x82, 0x85, 1, 2, 3, 4}, {0x82, 126, 1, 0}, {0x88, 0}, {0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0}} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 2 || len(b) < headSize(b[1]) || checkHead(b[0], b[1], b[1]&bitMask != 0) != nil {
			return
		}
		size := headSize(b[1])
		h, fault := parseHead(b[:size])
		if fault != nil || h.length > 1<<30 || !h.fin {
			return
		}
		var again [maxHead]byte
		masked := b[1]&bitMask != 0
		if got := sizeFor(int(h.length), masked); got != size {
			t.Fatalf("%d bytes need a header of %d, not %d", h.length, got, size)
		}
		putHead(again[:], h.op, int(h.length), masked)
		if masked {
			size -= maskKeySize
		}
		if !bytes.Equal(again[:size], b[:size]) {
			t.Fatalf("%x becomes %x", b[:size], again[:size])
		}
	})
}

// stub is a Transport and a Sink on which a transport can be tried without a loop.
type stub struct {
	engine.Transport
	share int // bytes that are taken at a time
	got   []byte
}

func (s *stub) Received(b []byte) int {
	n := min(len(b), s.share)
	s.got = append(s.got, b[:n]...)
	return n
}
func (s *stub) Ended(error)        {}
func (s *stub) Wake(*engine.Loop)  {}
func (s *stub) Loop() *engine.Loop { return nil }
func (s *stub) Buffered() int      { return 1 } // so that no pong is written

// FuzzFrames has payload arrive in the same way however the stream is cut, and however much
// the conn takes at a time: it is compared with a decoder that is as simple as can be.
func FuzzFrames(f *testing.F) {
	f.Add(append(frame(2, []byte("abc")), append(frame(0x89, []byte("ping")), frame(0x80, []byte("defgh"))...)...), uint8(3), uint8(2))
	f.Add(bytes.Repeat(frame(0x82, []byte("0123456789")), 20), uint8(200), uint8(7))
	f.Add(frame(0x82, bytes.Repeat([]byte("long"), 100)), uint8(5), uint8(255))
	f.Fuzz(func(t *testing.T, stream []byte, cut, share uint8) {
		want, upTo := decodeSimply(stream)
		stream = stream[:upTo] // up to a close frame or a fault, which end the conn
		s := &stub{share: int(share) + 1}
		tr := &transport{inner: s, sink: s, phase: speaking, flags: upgraded | begun}
		var waiting []byte
		for rest := stream; len(rest) > 0 || len(waiting) > 0; {
			n := min(len(rest), int(cut)+1)
			waiting = append(bytes.Clone(waiting), rest[:n]...)
			rest = rest[n:]
			used := tr.Received(waiting)
			if waiting = waiting[used:]; used == 0 && n == 0 {
				t.Fatalf("stuck with %d bytes", len(waiting))
			}
		}
		if !bytes.Equal(s.got, want) {
			t.Fatalf("got %x, want %x", s.got, want)
		}
	})
}

// decodeSimply returns the payload of the data frames of stream, and how far they go before a
// close frame, a fault or an unfinished frame's end.
func decodeSimply(stream []byte) (payload []byte, upTo int) {
	inMessage := false
	for b := stream; ; {
		upTo = len(stream) - len(b)
		if len(b) < 2 {
			return payload, len(stream)
		}
		if checkHead(b[0], b[1], true) != nil {
			return payload, upTo
		}
		size := headSize(b[1])
		if len(b) < size {
			return payload, len(stream)
		}
		h, fault := parseHead(b[:size])
		if fault != nil || h.op == opClose {
			return payload, upTo
		}
		if !h.op.isControl() {
			if (h.op == opContinuation) != inMessage {
				return payload, upTo
			}
			inMessage = !h.fin
		}
		key := b[size-4 : size]
		b = b[size:]
		n := int(min(h.length, int64(len(b))))
		if !h.op.isControl() {
			for i, x := range b[:n] {
				payload = append(payload, x^key[i%4])
			}
		}
		if b = b[n:]; int64(n) < h.length {
			return payload, len(stream)
		}
	}
}
