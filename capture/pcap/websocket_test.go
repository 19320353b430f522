package pcap

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/packetmq/packetmq/capture"
	"github.com/packetmq/packetmq/internal/leak"
)

// relay is a TCP relay that puts what goes through it into a file.
type relay struct {
	net.Listener
	mu   sync.Mutex // held for file
	file *Writer
	wait sync.WaitGroup
}

// startRelay relays one conn to addr.
func startRelay(t *testing.T, file *Writer, addr string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{Listener: l, file: file}
	r.wait.Go(func() {
		near, err := l.Accept()
		l.Close()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", addr)
		if err != nil {
			near.Close()
			return
		}
		file.Open(time.Now(), 1, far.RemoteAddr().(*net.TCPAddr).AddrPort(), near.RemoteAddr().(*net.TCPAddr).AddrPort())
		r.wait.Go(func() { r.copy(near, far, true) })
		r.copy(far, near, false)
	})
	return r
}

// copy copies one direction.
func (r *relay) copy(to, from net.Conn, byListening bool) {
	defer to.Close()
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		r.mu.Lock()
		r.file.Data(time.Now(), 1, byListening, b[:n])
		r.mu.Unlock()
		if n > 0 {
			to.Write(b[:n])
		}
		if err != nil {
			return
		}
	}
}

func TestWiresharkReadsInsideWebSocket(t *testing.T) {
	leak.Check(t)
	var out bytes.Buffer
	file := NewWriter(&out)
	var r *relay
	talk(t, nil, "ws://127.0.0.1:0", func(addr string) string {
		r = startRelay(t, file, addr)
		return "ws://" + r.Addr().String()
	})
	r.wait.Wait()
	if err := file.Flush(); err != nil {
		t.Fatal(err)
	}
	text := tshark(t, out.Bytes(), "-V")
	for _, want := range []string{"WebSocket", "Packet: packetmq:handshake_init", "20 shop:note", "Item: soap", "Item: long long", "Total: 21", "reason.closingtime"} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q", want)
		}
	}
	if strings.Contains(text, "packetmq.malformed") || strings.Contains(text, "Malformed") {
		t.Error("something is malformed")
	}
}

// TestWiresharkGathersFramesFromMessages has frames that begin and end within messages.
func TestWiresharkGathersFramesFromMessages(t *testing.T) {
	var out bytes.Buffer
	p := NewWriter(&out)
	server, client := netip.MustParseAddrPort("10.0.0.1:80"), netip.MustParseAddrPort("10.0.0.2:40000")
	at := time.Unix(1700000000, 0)
	p.Open(at, 1, server, client)
	p.Data(at, 1, false, []byte("GET / HTTP/1.1\r\nHost: game\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: packetmq.1\r\n\r\n"))
	p.Data(at, 1, true, []byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: packetmq.1\r\n\r\n"))
	r, err := capture.Open(bytes.NewReader(capturedFile(t)))
	if err != nil {
		t.Fatal(err)
	}
	for rec, err := range r.Records() {
		if err != nil {
			t.Fatal(err)
		}
		if rec.Kind == capture.Input || rec.Kind == capture.Output {
			byServer := rec.Kind == capture.Output
			for b := range chunks(rec.Data, 1001) {
				p.Data(at, 1, byServer, append(message(b[:len(b)/2], !byServer), message(b[len(b)/2:], !byServer)...))
			}
		}
	}
	if err := p.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"-V"}, {"-2", "-V"}} {
		text := tshark(t, out.Bytes(), args...)
		for _, want := range []string{"packetmq, part of a frame", "20 shop:note", "Item: soap", "Item: long long", "Total: 21", "reason.closingtime"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q: there is no %q", args, want)
			}
		}
		if strings.Contains(text, "Malformed") || strings.Contains(text, "no frame") {
			t.Errorf("%q: something is malformed", args)
		}
	}
}

// chunks are parts of b of at most n bytes.
func chunks(b []byte, n int) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			k := min(n, len(b))
			if !yield(b[:k]) {
				return
			}
			b = b[k:]
		}
	}
}

// message is a binary message of WebSocket.
func message(b []byte, masked bool) (frame []byte) {
	frame = []byte{0x82, 126}
	frame = binary.BigEndian.AppendUint16(frame, uint16(len(b)))
	if len(b) < 126 {
		frame = []byte{0x82, byte(len(b))}
	}
	if !masked {
		return append(frame, b...)
	}
	frame[1] |= 0x80
	key := [4]byte{1, 2, 3, 4}
	frame = append(frame, key[:]...)
	for i, x := range b {
		frame = append(frame, x^key[i%4])
	}
	return frame
}
