package peer

// A wire is the other side of a conn as plain bytes: with it a test says, and
// sees, what no peer of this package would.

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// wire is a socket that speaks the protocol byte by byte.
type wire struct {
	t *testing.T
	net.Conn
}

// listenWire makes a server without extensions (17, 18) and returns a function
// that dials it.
func listenWire(t *testing.T, s *side) func() *wire {
	t.Helper()
	s.cfg.NoExtensions = true
	server := NewServer(s.reg, &s.cfg)
	ln := open(t, server)
	return func() *wire { return dialTo(t, ln) }
}

func dialTo(t *testing.T, ln *engine.Listener) *wire {
	t.Helper()
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return wireOver(t, nc)
}

func (w *wire) send(id uint16, payload []byte) {
	w.t.Helper()
	if _, err := w.Write(codec.AppendFrame(nil, id, payload)); err != nil {
		w.t.Fatal(err)
	}
}

// recv reads one frame; nil at the end of the stream.
func (w *wire) recv() codec.Frame {
	w.t.Helper()
	var head [4]byte
	if _, err := io.ReadFull(w, head[:]); err != nil {
		if err != io.EOF && !errors.Is(err, net.ErrClosed) && !strings.Contains(err.Error(), "reset") {
			w.t.Fatal(err)
		}
		return nil
	}
	f := make(codec.Frame, binary.BigEndian.Uint32(head[:]))
	if _, err := io.ReadFull(w, f); err != nil {
		w.t.Fatal(err)
	}
	return f
}

func (w *wire) expect(id uint16) codec.Frame {
	w.t.Helper()
	f := w.recv()
	if f == nil || f.ID() != id {
		w.t.Fatalf("got %x, want a packet %d", []byte(f), id)
	}
	return f
}

// shakeWith does all of it, with an init of its own.
func (w *wire) shakeWith(m initMsg) {
	w.t.Helper()
	w.expect(0)
	w.send(0, m.append(nil))
	w.expect(2)
	w.send(2, pubIDsMsg{adapt: true}.append(nil))
	w.expect(3)
	w.send(3, []byte{0xc0})
}

// shake does an adapting client's part of the handshake, up to the step given.
func (w *wire) shake(steps int) { w.t.Helper(); w.shakeSteps(steps, initMsg{version: 1}) }

// shakeAs does all of it, with an init of its own.
func (w *wire) shakeAs(m initMsg) { w.t.Helper(); w.shakeSteps(3, m) }

func (w *wire) shakeSteps(steps int, m initMsg) {
	w.t.Helper()
	ids := []registry.Entry{
		{Name: registry.NameInit, ID: 0}, {Name: registry.NameSoftquit, ID: 1},
		{Name: registry.NamePubIDs, ID: 2}, {Name: registry.NameFinish, ID: 3},
		{Name: "test:ping", ID: 40}, {Name: "test:pong", ID: 41},
	}
	if steps > 0 {
		w.expect(0)
		w.send(0, m.append(nil))
	}
	if steps > 1 {
		w.expect(2)
		w.send(2, pubIDsMsg{adapt: true, ids: ids}.append(nil))
	}
	if steps > 2 {
		w.expect(3)
		w.send(3, []byte{0xc0})
	}
}

// quitReason reads to the end and returns the reason of the softquit that must
// be on the way.
func (w *wire) quitReason() Reason {
	w.t.Helper()
	for {
		f := w.recv()
		if f == nil {
			w.t.Fatal("the conn ended without a softquit")
		}
		if f.ID() != registry.IDSoftquit {
			continue
		}
		m, err := parseSoftquit(f.Payload())
		if err != nil {
			w.t.Fatal(err)
		}
		if rest, _ := io.ReadAll(w); len(rest) > 0 {
			w.t.Errorf("%x after the softquit", rest)
		}
		return m.reason
	}
}

func wireOver(t *testing.T, nc net.Conn) *wire {
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	return &wire{t, nc}
}

// dialWire makes a server with extensions and dials it.
func dialWire(t *testing.T, s *side) *wire {
	t.Helper()
	server := NewServer(s.reg, &s.cfg)
	ln := open(t, server)
	return dialTo(t, ln)
}

func discard(w *wire) {
	go func() {
		b := make([]byte, 1<<16)
		for {
			if _, err := w.Read(b); err != nil {
				return
			}
		}
	}()
}
