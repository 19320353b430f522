package peer

// Config.Authenticate and Conn.Decide: whether the other side may come in, and
// Config.Token: what this side shows of who it is.

import (
	"errors"
	"fmt"

	"github.com/packetmq/packetmq/codec"
)

// MaxToken is the longest token taken or sent, in bytes.
const MaxToken = 4 << 10

var (
	// ErrDecideLater is returned by Config.Authenticate to answer later, with
	// Conn.Decide.
	ErrDecideLater = errors.New("peer: whether the conn may come in is decided later")

	// ErrDecided is returned by Conn.Decide when no answer is waited for: it was
	// given before, or was never asked for.
	ErrDecided = errors.New("peer: no decision about the conn is waited for")
)

// Denied is the refusal of an other side with a word that it may know. Where it is
// returned by Config.Authenticate, or given to Conn.Decide, Why is told, and Err is
// for this side's OnLost and log alone. Where the other side refuses this one with a
// word, it is what OnLost and Connect return, without an Err. It is a ReasonDenied
// (errors.Is).
type Denied struct {
	Why string // "expired", "banned": UTF-8 of at most 512 bytes, the rest is cut off
	Err error
}

func (d *Denied) Error() string {
	if d.Err == nil {
		return "peer: denied: " + d.Why
	}
	return fmt.Sprintf("peer: denied: %s: %v", d.Why, d.Err)
}

// Unwrap returns ReasonDenied and Err.
func (d *Denied) Unwrap() []error { return []error{ReasonDenied, d.Err} }

// authenticate asks the program whether the other side may come in. If it may, admit is
// called, now or after a Decide; if not, the conn ends.
func (c *Conn) authenticate(token []byte, admit func()) {
	f := c.peer.cfg.Authenticate
	if rare := c.rare.Load(); rare != nil && rare.token != nil {
		if token == nil {
			token = rare.token
		}
		rare.token = nil
	}
	if f == nil {
		c.decide(nil, admit)
		return
	}
	if len(token) > MaxToken {
		c.fault(ReasonPayload, &codec.SizeError{Length: int64(len(token)), Max: MaxToken})
		return
	}
	if token != nil {
		token = append([]byte{}, token...)
	}
	c.mark(decisionOpen)
	err := f(c, Credentials{token, c.TLS(), c.UnixCred()})
	if errors.Is(err, ErrDecideLater) && !c.flags.has(lost) {
		c.flags.set(inputKept)
		c.makeRare().admit = admit
		if !c.flags.has(handshaking) { // else the deadline of the handshake is set already
			c.armHandshakeDeadline()
		}
		return
	}
	c.unmark(decisionOpen)
	c.decide(err, admit)
}

// decide goes on after the program's decision err.
func (c *Conn) decide(err error, admit func()) {
	switch {
	case err != nil:
		c.fault(ReasonDenied, err)
	case c.State() < Softquitted && !c.marked(aborted): // the program may have ended it itself
		admit()
	}
}

// Decide answers for an Authenticate that returned ErrDecideLater: nil lets the
// other side in, an error denies it. Any goroutine may call it, from when
// Authenticate is called, and the first call counts. ErrDecided means that no answer
// is waited for, ErrClosed that the conn has ended meanwhile.
func (c *Conn) Decide(err error) error {
	if c == nil {
		return ErrNoConn
	}
	if c.State() >= Softquitted {
		return ErrClosed
	}
	if !c.unmark(decisionOpen) {
		return ErrDecided
	}
	return c.post(func() {
		e := c.makeRare()
		if admit := e.admit; admit != nil {
			e.admit = nil
			c.decide(err, admit)
			c.handleKept()
		}
	})
}

// token is what this side shows of who it is. asked says whether the other side wants that.
func (c *Conn) token(asked bool) ([]byte, error) {
	cfg := &c.peer.cfg
	if !asked || cfg.Token == nil || cfg.NoExtensions {
		return nil, nil
	}
	token := cfg.Token(c)
	if len(token) > MaxToken {
		return nil, &codec.SizeError{Length: int64(len(token)), Max: MaxToken}
	}
	return token, nil
}
