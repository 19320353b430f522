package websocket

// The HTTP handshake of a conn, on its loop.

import (
	"errors"
	"net/http"
)

// accepted is an upgrade that was agreed to.
type accepted struct {
	answer []byte
	token  []byte // nil: none was shown
	data   any    // for the conn
}

// accept is what is to be done about a request that was let in.
func (c *Config) accept(r *Request) *accepted {
	return &accepted{appendAccepted(nil, r), c.token(r), r.Data}
}

// begin says what this side says first: a client's request, or the answer to a request that
// Handler has read.
func (t *transport) begin() {
	if t.rare != nil && t.rare.accepted != nil {
		a := t.rare.accepted
		t.rare.accepted = nil
		t.agree(a)
		return
	}
	r := t.needRare()
	r.key = newKey()
	b := t.buffer()
	var err error
	if b.B, err = t.cfg.appendRequest(b.B, t.conn.Conn().Dialed(), r.key); err != nil {
		t.sink.Loop().Buffers().Put(b)
		t.refuse(err)
		return
	}
	t.inner.Write(b) // if it fails, the end follows
}

// receiveHead takes what b has of the other side's part of the HTTP handshake.
func (t *transport) receiveHead(b []byte) (n int) {
	if !t.flags.has(maskOutput) && t.rare == nil && !beginsHTTP(b[0]) {
		t.refuseRequest(&UpgradeError{http.StatusBadRequest, "this is not HTTP"})
		return len(b)
	}
	head, n, err := t.needRare().head.add(b)
	switch {
	case err != nil && t.flags.has(maskOutput):
		t.refuse(err)
	case err != nil:
		t.refuseRequest(&UpgradeError{http.StatusRequestHeaderFieldsTooLarge, "the HTTP header is too long"})
	case head == nil:
		return n
	case t.flags.has(maskOutput):
		t.onAnswer(head)
	default:
		t.onRequest(head)
	}
	return n
}

// onRequest answers the request of a client.
func (t *transport) onRequest(head []byte) {
	r, refusal := parseRequest(head)
	if refusal == nil {
		r.RemoteAddr = t.conn.Conn().RemoteAddr()
		refusal = t.cfg.admit(r)
	}
	if refusal != nil {
		t.refuseRequest(refusal)
		return
	}
	t.rare = nil
	t.agree(t.cfg.accept(r))
}

// agree tells the client that the upgrade is done, and opens the conn.
func (t *transport) agree(a *accepted) {
	b := t.buffer()
	b.B = append(b.B, a.answer...)
	if err := t.inner.Write(b); err != nil {
		return // the end follows
	}
	if a.token != nil {
		t.conn.ShowToken(a.token)
	}
	if a.data != nil {
		t.conn.Conn().SetData(a.data)
	}
	t.speak()
}

// onAnswer opens the conn if the server agrees.
func (t *transport) onAnswer(head []byte) {
	if err := t.cfg.checkAnswer(head, t.rare.key); err != nil {
		t.refuse(err)
		return
	}
	t.rare = nil
	t.speak()
}

// speak begins with frames.
func (t *transport) speak() {
	t.phase = speaking
	t.flags |= upgraded
	t.conn.Ready()
}

// refuseRequest answers that the upgrade is refused, and ends the conn.
func (t *transport) refuseRequest(why *UpgradeError) {
	b := t.buffer()
	b.B = why.append(b.B)
	t.inner.Write(b) // if it fails, the end follows
	t.refuse(why)
}

// refuse ends the conn before it is open.
func (t *transport) refuse(err error) {
	t.phase = deaf
	t.rare = nil
	var u *UpgradeError
	if !errors.As(err, &u) {
		err = &UpgradeError{Reason: err.Error()}
	}
	t.conn.Refuse(err)
}
