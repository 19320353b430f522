package websocket

// Control frames (RFC 6455, section 5.5): pings are answered, and a close frame ends the conn.

import (
	"bytes"
	"io"

	"github.com/packetmq/packetmq/peer"
)

// beginControl handles the control frame with the header h, whose payload is at the front of b,
// or keeps what has come of that. It returns how much of b it used.
func (t *transport) beginControl(h frameHead, b []byte) (n int) {
	if n = int(h.length); n <= len(b) {
		mask(b[:n], b[:n], h.key)
		t.onControl(h.op, b[:n])
		return n
	}
	r := t.needRare()
	r.control, r.controlBody = h, bytes.Clone(b)
	return len(b)
}

// continueControl goes on with a control frame of which a part has come.
func (t *transport) continueControl(b []byte) (n int) {
	r := t.rare
	n = min(len(b), int(r.control.length)-len(r.controlBody))
	r.controlBody = append(r.controlBody, b[:n]...)
	if len(r.controlBody) == int(r.control.length) {
		h, body := r.control, r.controlBody
		r.control, r.controlBody = frameHead{}, nil
		mask(body, body, h.key)
		t.onControl(h.op, body)
	}
	return n
}

// onControl handles a control frame.
func (t *transport) onControl(op opcode, payload []byte) {
	switch op {
	case opPing:
		r := t.needRare()
		r.pong, r.pongDue = append(r.pong[:0], payload...), true
	case opClose:
		t.onClose(payload)
	default:
		t.dropRare() // a pong that nobody has asked for means nothing
	}
}

// sendPong answers the last ping. Pings that came before it in the same read, or while the
// other side has not taken its output, have no answer of their own: so they cannot make any
// pile up here.
func (t *transport) sendPong() {
	if t.rare == nil || !t.rare.pongDue || t.flags.has(closeSent) || t.inner.Buffered() > 0 {
		return
	}
	t.rare.pongDue = false
	b := t.buffer()
	b.B = append(b.B, t.rare.pong...)
	t.dropRare()
	t.writeFrame(opPong, b) // if it fails, the end follows
}

// onClose ends the conn because the other side has closed it. What was answered to the input
// before that is sent, and then the close frame is answered.
func (t *transport) onClose(payload []byte) {
	code, reason, fault := parseClose(payload)
	if fault != nil {
		t.fail(fault)
		return
	}
	t.phase = deaf
	if !t.flags.has(closeSent) {
		t.conn.Flush()
		t.writeClose(code, "") // if it fails, the end is the same
	}
	err := io.EOF
	if !code.isPlain() {
		err = &CloseError{code, reason}
	}
	t.sink.Ended(err)
}

// writeClose writes the close frame, the last frame.
func (t *transport) writeClose(code Code, reason string) error {
	t.flags |= closeSent
	b := t.buffer()
	if code != CodeNoStatus {
		b.B = appendClose(b.B, code, reason)
	}
	return t.writeFrame(opClose, b)
}

// fail ends the conn because the other side broke a rule.
func (t *transport) fail(fault *ProtocolError) {
	t.phase = deaf
	t.needRare().fault = fault
	reason := peer.ReasonProtocol
	if fault.Code == CodePayload {
		reason = peer.ReasonPayload
	}
	t.conn.Fault(reason, fault)
}
