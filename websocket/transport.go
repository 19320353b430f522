package websocket

// transport: WebSocket between a socket and its conn, as the engine has it.

import (
	"crypto/rand"
	"encoding/binary"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// transport speaks WebSocket over inner. It is a Transport to the conn and the Sink of inner.
// It keeps no input but the beginning of a header: what the conn does not take stays with
// inner.
type transport struct {
	// Set once.
	conn  *peer.SchemeConn
	cfg   *Config
	inner engine.Transport
	sink  engine.Sink

	// Loop only.
	rare  *rareState // nil: nothing is
	left  int64      // bytes of the data frame's payload that are still to come
	key   uint32     // that masks the next byte of them
	plain int32      // bytes at the front of what comes next that were unmasked, and that the conn has not taken
	phase phase
	flags flags
	nHead uint8 // bytes of head
	head  [maxHead]byte
}

// phase is how far a transport is.
type phase uint8

const (
	upgrading phase = iota // the HTTP handshake is not done
	speaking               // frames come and go
	deaf                   // nothing more is read: the upgrade was refused, a rule was broken, or the other side has closed
)

type flags uint8

const (
	inMessage  flags = 1 << iota // a message has begun, and its last frame has not
	upgraded                     // the HTTP handshake is done, so that frames may be written
	closeSent                    // a close frame was written, the last frame
	maskOutput                   // this is the client
	begun                        // what this side says first was said
)

func (f flags) has(x flags) bool { return f&x != 0 }

// rareState is what a transport has only during its upgrade, while a control frame is under
// way, or at its end.
type rareState struct {
	head headBuffer // of the HTTP message that has not come whole
	key  string     // of a client's request

	accepted *accepted // an upgrade that Handler has done; nil once it was told
	early    []byte    // input that came with it

	control     frameHead // of the control frame under way; op is 0 if there is none
	controlBody []byte    // what has come of its payload
	pong        []byte    // the payload of the last ping
	pongDue     bool      // it is to be answered

	fault *ProtocolError // that the other side is told
}

// dropRare drops the rareState if nothing is left in it.
func (t *transport) dropRare() {
	if r := t.rare; r != nil && t.phase == speaking && r.control.op == 0 && !r.pongDue && r.fault == nil && len(r.early) == 0 {
		t.rare = nil
	}
}

// newTransport speaks WebSocket over inner, from the upgrade on.
func newTransport(conn *peer.SchemeConn, cfg *Config, inner engine.Transport) *transport {
	t := &transport{conn: conn, cfg: cfg, inner: inner}
	if conn.IsClient() {
		t.flags |= maskOutput
	}
	return t
}

// needRare makes the transport's rareState if it has none.
func (t *transport) needRare() *rareState {
	if t.rare == nil {
		t.rare = new(rareState)
	}
	return t.rare
}

// Open implements engine.Transport. Who speaks first does so in the Pump that follows, since
// nothing may be written before the conn is open.
func (t *transport) Open(s engine.Sink) {
	t.sink = s
	t.inner.Open(t)
	if t.conn.IsClient() || t.rare != nil {
		s.Wake(s.Loop())
	} else {
		t.flags |= begun
	}
}

// Pump implements engine.Transport.
func (t *transport) Pump() (more bool) {
	if !t.flags.has(begun) {
		t.flags |= begun
		t.begin()
	}
	if t.rare != nil && len(t.rare.early) > 0 && !t.deliverEarly() {
		return true
	}
	more = t.inner.Pump()
	t.sendPong()
	return more
}

// Write implements engine.Transport: all of b is one message.
func (t *transport) Write(b *engine.Buffer) error {
	if !t.flags.has(upgraded) || t.flags.has(closeSent) {
		t.sink.Loop().Buffers().Put(b)
		return nil
	}
	return t.writeFrame(opBinary, b)
}

// writeFrame writes a frame with b as its payload. The payload is moved within b, to make room
// for the header: that costs less than a second buffer for each write, up to the size of what
// the engine writes at once.
func (t *transport) writeFrame(op opcode, b *engine.Buffer) error {
	masked := t.flags.has(maskOutput)
	n := len(b.B)
	size := sizeFor(n, masked)
	var room [maxHead]byte
	b.B = append(b.B, room[:size]...)
	payload := b.B[size:]
	copy(payload, b.B[:n])
	putHead(b.B, op, n, masked)
	if masked {
		key := b.B[size-maskKeySize : size]
		rand.Read(key)
		mask(payload, payload, binary.LittleEndian.Uint32(key))
	}
	return t.inner.Write(b)
}

// Buffered implements engine.Transport.
func (t *transport) Buffered() int { return t.inner.Buffered() }

// CloseWrite implements engine.Transport: a close frame tells that no more will come. The
// other side answers it, and only then the socket is closed: half a socket is more than what
// lies between browsers and servers can be trusted with.
func (t *transport) CloseWrite() error {
	if !t.flags.has(upgraded) {
		return t.inner.CloseWrite()
	}
	if t.flags.has(closeSent) {
		return nil
	}
	if err := t.writeClose(closeFor(t.why())); err != nil {
		return err
	}
	if t.phase == deaf { // nobody would see the answer
		return t.inner.CloseWrite()
	}
	return nil
}

// why is what has ended the conn.
func (t *transport) why() error {
	if t.rare != nil && t.rare.fault != nil {
		return t.rare.fault
	}
	return t.conn.Why()
}

// Close implements engine.Transport.
func (t *transport) Close() {
	t.phase = deaf
	t.rare = nil
	t.inner.Close()
}

// Ended implements engine.Sink.
func (t *transport) Ended(err error) {
	t.phase = deaf
	t.sink.Ended(err)
}

// Wake implements engine.Sink.
func (t *transport) Wake(on *engine.Loop) { t.sink.Wake(on) }

// Loop implements engine.Sink.
func (t *transport) Loop() *engine.Loop { return t.sink.Loop() }

// buffer is an empty buffer of the loop's.
func (t *transport) buffer() *engine.Buffer { return t.sink.Loop().Buffers().Get() }
