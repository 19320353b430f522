package peer

// How a conn ends: by a softquit of either side, by a fault that this side finds,
// by an Abort, or with its transport. All four meet in OnLost, which is called once.

import (
	"cmp"
	"errors"

	"github.com/packetmq/packetmq/registry"
)

// onSoftquit handles the other side's softquit.
func (c *Conn) onSoftquit(payload []byte) {
	m, err := parseSoftquit(payload)
	if err != nil {
		c.fault(ReasonPayload, &PayloadError{registry.NameSoftquit, err})
		return
	}
	c.flags.set(inputEnded)
	c.endConversation(c.withAdvice(c.reasonFrom(m.reason, payload), m.reason, payload))
	c.link.Finish(c.peer.cfg.QuitGrace)
}

// reasonFrom is what OnLost is called with after the other side's softquit: the reason in
// it, with the word that a denied side may know, or with what this side knows itself of how
// the names differ.
func (c *Conn) reasonFrom(reason Reason, payload []byte) error {
	switch reason {
	case ReasonDenied:
		if why := parseWhy(payload); why != "" {
			return &Denied{Why: why}
		}
	case ReasonNonEqualPackets:
		if differ := c.peer.mismatch(c); differ != nil {
			c.peer.logFault(c, reason, differ)
			return &Fault{reason, differ}
		}
	}
	return reason
}

// withAdvice is cause, the reason of the other side's softquit, with the advice in it if there
// is any.
func (c *Conn) withAdvice(cause error, reason Reason, payload []byte) error {
	a := parseAdvice(payload)
	if a.isEmpty() {
		return cause
	}
	a.Reason, a.cause = reason, cause
	return &a
}

// quit ends the conversation from this side. The error because may be nil; it is for OnLost
// alone. It is the other side that closes, after it has read everything; over a Scheme, both
// do so at once.
func (c *Conn) quit(reason Reason, because error) { c.quitWith(Advice{Reason: reason}, because) }

// quitWith is quit with advice for the other side, which has been checked.
func (c *Conn) quitWith(advice Advice, because error) {
	reason := advice.Reason
	c.mark(endedHere)
	if c.State() == Disconnected || c.flags.has(lost) {
		return
	}
	if c.marked(notReady) { // it has no conversation that could be ended
		c.link.Abort(ErrClosed)
		return
	}
	if because != nil {
		c.endConversation(&Fault{reason, because})
	} else {
		c.endConversation(reason)
	}
	if c.peer.cfg.NoExtensions {
		advice = Advice{Reason: reason}
	}
	c.sendInternal(registry.IDSoftquit, advice.appendSoftquit)
	if !c.flags.has(made) { // the other side has sent nothing that is worth a wait
		c.flags.set(inputEnded)
		c.link.Finish(faultGrace)
		return
	}
	if c.marked(overScheme) { // its transport tells the end by itself, and has it answered
		c.link.Finish(c.peer.cfg.QuitGrace)
		return
	}
	c.link.SetDeadline(c.link.Loop().Now() + c.peer.cfg.QuitGrace)
}

// fault ends the conn because of an error. No more input is handled, and the other side has
// faultGrace to read why.
func (c *Conn) fault(reason Reason, err error) {
	if c.flags.has(inputEnded) {
		return
	}
	c.flags.set(inputEnded)
	c.peer.logFault(c, reason, err)
	if !c.flags.has(lost) {
		c.endConversation(&Fault{reason, err})
		c.sendInternal(registry.IDSoftquit, c.faultSoftquit(reason, err))
	}
	c.link.Finish(faultGrace)
}

// faultSoftquit returns what appends the softquit that tells the other side of a fault.
func (c *Conn) faultSoftquit(reason Reason, err error) func([]byte) []byte {
	var denied *Denied
	if reason == ReasonDenied && !c.peer.cfg.NoExtensions && errors.As(err, &denied) && denied.Why != "" {
		return func(b []byte) []byte { return appendWhy(b, denied.Why) }
	}
	return softquitMsg{reason}.append
}

// violation ends a conn whose other side has sent what it may not.
func (c *Conn) violation(id uint16, what string) {
	c.fault(ReasonProtocol, &ProtocolError{State: c.State(), ID: id, Reason: what})
}

// endConversation calls OnLost, unless it was called before. From the callback a made conn
// may still send: the softquit goes out after it.
func (c *Conn) endConversation(reason error) {
	if c.flags.has(lost) {
		return
	}
	c.flags.set(lost)
	c.makeRare().why = reason
	before, _ := c.advance(conversationOver)
	c.link.EndWaits() // their packets would come after the softquit
	c.noteUnsent(c.link.Waiting())
	if c.flags.has(made) && before != Disconnected {
		c.mark(lastSends)
		defer c.unmark(lastSends)
	}
	c.callOnLost(reason)
}

// callOnLost takes the conn off the active ones and tells everybody who waits for its end.
func (c *Conn) callOnLost(reason error) {
	c.endPause()
	c.dropWork()
	defer c.mark(workOver)
	c.callProgram(func() {
		c.dropKept()
		c.peer.removeActive(c)
		c.peer.stats.lost(reason, c.peer.cfg.Reasons)
		c.finishConnect(reason)
		c.tellLost(reason)
	})
}

// finishConnect has the Connect that made the conn return, if it has not.
func (c *Conn) finishConnect(err error) {
	if rare := c.rare.Load(); rare != nil && rare.waiter != nil {
		w := rare.waiter
		rare.waiter = nil
		w(err)
	}
}

// leavePeer takes the conn off its peer, after OnLost. A client may reconnect.
func (c *Conn) leavePeer() {
	c.settleCounts()
	c.peer.removeConn(c)
	if c.ids.Load() != nil { // it was told the packets
		c.peer.reg.Leave()
	}
	e := c.makeRare()
	if e.target != nil && c.flags.has(made) && !c.marked(endedHere) {
		c.peer.lostServer(*e.target, c.link.Loop().Time()-e.since, e.why)
	}
}

// Abort ends the conn at once, without a word to the other side. OnLost is
// told err.
func (c *Conn) Abort(err error) {
	if c.check() != nil {
		return
	}
	c.mark(endedHere | aborted)
	c.link.Abort(err)
}

// Softquit ends the conversation: OnLost is called with the reason, then the
// other side is told it and closes. What was sent before arrives before it.
// An empty reason means ReasonUnknown. ErrNotActive means that the conn was
// being ended already.
func (c *Conn) Softquit(reason Reason) error { return c.SoftquitWith(Advice{Reason: reason}) }

// SoftquitWith is Softquit with advice for the other side: whether to come back, where, and
// after how long. Sides that do not know advice, the Python library among them, are told the
// reason; with Config.NoExtensions so is everybody. An address that cannot be advised is an
// *AddressError, and then nothing has happened. OnLost of this side is told the Reason.
func (c *Conn) SoftquitWith(advice Advice) error {
	if err := c.check(); err != nil {
		return err
	}
	a, err := advice.checked()
	if err != nil {
		return err
	}
	if _, ok := c.advance(softquitCalled); !ok {
		return ErrNotActive
	}
	a.Reason = cmp.Or(a.Reason, ReasonUnknown)
	return c.link.Loop().Post(func() { c.quitWith(a, nil) })
}

// Close is Softquit with ReasonGeneric, so that a Conn is an io.Closer. It returns
// at once, and what was sent before still arrives: Abort is what drops it. A conn
// that is being ended, or has ended, needs no Close, and it returns nil.
func (c *Conn) Close() error {
	err := c.Softquit(ReasonGeneric)
	if errors.Is(err, ErrNotActive) {
		return nil
	}
	return err
}
