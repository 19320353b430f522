package peer

import (
	"bytes"
	"errors"
	"math"
	"runtime/debug"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// session is a Conn as the engine sees it: the protocol from the first byte to
// the last. It knows no socket and no clock; bytes and events come from the
// loop, and bytes and requests go to the link.
type session Conn

func (s *session) conn() *Conn { return (*Conn)(s) }

// wrapped is a session over a transport of the program's.
type wrapped struct{ *session }

// Wrap implements engine.Wrapper.
func (w wrapped) Wrap(_ *engine.Conn, inner engine.Transport) engine.Transport {
	return w.peer.cfg.Wrap(w.conn(), inner)
}

// session is c's handler.
func (c *Conn) session() engine.Handler {
	if c.peer.cfg.Wrap != nil {
		return wrapped{(*session)(c)}
	}
	return (*session)(c)
}

// Opened implements engine.Handler: both sides speak at once, unasked.
func (s *session) Opened(*engine.Conn) {
	c := s.conn()
	p := c.peer
	if err := p.enter(c); err != nil {
		c.Abort(err)
		return
	}
	if !p.admission.hand(c.guest, c.makeRoom) {
		c.Abort(p.admission.left(c.guest))
		return
	}
	skips := p.cfg.SkipHandshake
	if f := p.cfg.OnOpen; f != nil {
		before := c.State()
		f(c)
		skips = skips || before != Active && c.State() == Active
	}
	c.link.SetHoldBack(p.cfg.Overflow == registry.DropOldest || p.ownIDs(p.reg.Table()).dropsOldest)
	if skips {
		if p.cfg.Authenticate != nil { // nothing is sent before it has let the other side in
			c.state.CompareAndSwap(uint32(Active), uint32(ConnMade))
		}
		c.authenticate(nil, func() {
			c.state.CompareAndSwap(uint32(ConnMade), uint32(Active))
			c.setMaxSend(uint64(p.cfg.MaxFrame))
			c.establish()
		})
		return
	}
	c.setMaxSend(OriginalMaxFrame)
	c.shaking = true
	c.link.SetDeadline(c.link.Loop().Now() + p.cfg.Handshake)
	m := initMsg{version: protocolVersion}
	if !p.cfg.NoExtensions {
		m.maxFrame, m.beats = uint64(p.cfg.MaxFrame), p.cfg.Ping > 0
		m.auth = p.cfg.Authenticate != nil
	}
	c.emit(registry.IDInit, m.append)
}

// setMaxSend bounds what is sent: to n, to what this side would take, and to what may
// wait.
func (c *Conn) setMaxSend(n uint64) {
	waits := max(c.peer.reactor.MaxPending()-codec.LengthSize, 0)
	c.maxSend.Store(uint32(min(n, uint64(c.peer.cfg.MaxFrame), uint64(waits), math.MaxUint32)))
}

// checkBeforeActive bounds what is buffered for a conn that has not shown who
// it is.
func checkBeforeActive(id uint16, length int) error {
	if limit := payloadLimit(id) + codec.IDSize; length > limit {
		return &codec.SizeError{Length: int64(length), Max: limit}
	}
	return nil
}

// payloadLimit is how long the payload of an internal packet may be at any
// time, and that of others before the handshake is done.
func payloadLimit(id uint16) int {
	switch id {
	case registry.IDInit:
		return maxInitPayload
	case registry.IDPubIDs:
		return maxPubIDsPayload
	case registry.IDFinish:
		return maxFinishPayload
	case registry.IDPing, registry.IDPong:
		return maxBeatPayload
	}
	return maxSoftquitPayload
}

// emit sends an internal packet.
func (c *Conn) emit(id uint16, payload func([]byte) []byte) {
	take := c.link.Out
	if id == registry.IDSoftquit {
		take = c.link.LastOut // there is one of them, and it must get there
	}
	if out := take(); out != nil {
		out.B = appendInternal(out.B, id, payload)
		return
	}
	b := c.scratch()
	defer c.release(b)
	b.B = appendInternal(b.B, id, payload)
	c.link.Queue(b.B) // it waits for what is held back; with no room, a heartbeat is not answered
}

// appendInternal appends a frame that is ours, and bounded by MaxNames.
func appendInternal(b []byte, id uint16, payload func([]byte) []byte) []byte {
	start := len(b)
	b = payload(codec.BeginFrame(b, id))
	b, _ = codec.EndFrame(b, start, len(b))
	return b
}

// internal handles one of this library's own packets.
func (c *Conn) internal(id uint16, payload []byte) {
	if c.State() == Softquitted && id != registry.IDSoftquit {
		return // it was sent before the other side knew
	}
	if len(payload) > payloadLimit(id) {
		c.violation(id, "is too long")
		return
	}
	switch id {
	case registry.IDInit:
		c.onInit(payload)
	case registry.IDPubIDs:
		c.onPubIDs(payload)
	case registry.IDFinish:
		c.onFinish(payload)
	case registry.IDSoftquit:
		c.onSoftquit(payload)
	case registry.IDPing, registry.IDPong:
		c.heartbeat(id, payload)
	}
}

func (c *Conn) onInit(payload []byte) {
	if c.State() != ConnMade {
		c.violation(registry.IDInit, "came twice")
		return
	}
	m, err := parseInit(payload)
	if err != nil {
		c.fault(ReasonPayload, &PayloadError{registry.NameInit, err})
		return
	}
	if m.version != protocolVersion {
		c.quit(ReasonVersionMismatch, nil)
		return
	}
	if m.maxFrame > 0 {
		c.setMaxSend(m.maxFrame)
	}
	c.peer.admission.moved(c.guest)
	c.beats = m.beats && c.peer.cfg.Ping > 0 && !c.peer.cfg.NoExtensions
	c.state.CompareAndSwap(uint32(ConnMade), uint32(IDCheck))
	own := c.peer.ownIDs(c.peer.reg.Join())
	c.adapted.Store(&own.told)
	token, err := c.token(m.auth)
	if err != nil {
		c.fault(ReasonUnknown, err)
		return
	}
	if n := len(own.payload) + tokenSize(token); n > maxPubIDsPayload {
		c.fault(ReasonUnknown, &SizeError{Packet: registry.NamePubIDs, Length: n, Max: maxPubIDsPayload})
		return
	}
	c.emit(registry.IDPubIDs, func(b []byte) []byte {
		start := len(b)
		b = append(b, own.payload...)
		setPolicy(b, start, c.adapts())
		return appendToken(b, start, token)
	})
}

func (c *Conn) onPubIDs(payload []byte) {
	if c.State() != IDCheck {
		c.violation(registry.IDPubIDs, "came out of turn")
		return
	}
	adapts := c.adapts()
	m, err := parsePubIDs(payload, adapts)
	switch {
	case err != nil:
		c.fault(ReasonPayload, &PayloadError{registry.NamePubIDs, err})
	case m.unclear:
		c.quit(ReasonUnknown, nil)
	case m.adapt == adapts:
		c.quit(ReasonSameAdaptivePolicy, nil)
	default:
		if c.peer.cfg.Authenticate != nil { // which may answer when payload is gone
			payload = bytes.Clone(payload)
		}
		c.authenticate(m.token, func() {
			if !adapts {
				c.noteNames(payload)
			} else if err := c.adapt(m.ids); err != nil {
				c.refuseIDs(err)
				return
			}
			c.activate()
		})
	}
}

// noteNames compares the names, as the adapting side does, which will refuse
// this side if they differ and has no way to say how.
func (c *Conn) noteNames(payload []byte) {
	m, err := parsePubIDs(payload, true)
	if err != nil {
		return // they are not this side's to judge
	}
	var differ *registry.MismatchError
	if errors.As(c.adapted.Load().told.Compare(m.ids), &differ) {
		c.peer.expectRefusal(c, differ)
	}
}

// adapt takes the other side's ids over, for this conn alone. They are compared
// with what this side has told, whatever was added or removed since.
func (c *Conn) adapt(ids []registry.Entry) error {
	base := c.adapted.Load().told
	from, last := base, c.peer.lastAdapted.Load()
	if last != nil && last.base == base {
		from = last.table
	}
	table, err := from.Adapt(ids)
	if err != nil {
		return err
	}
	if last == nil || table != last.table {
		last = &adaptation{told: table, base: base, table: table}
		c.peer.lastAdapted.Store(last)
	}
	c.adapted.Store(last)
	return nil
}

// activate is the moment from which packets flow: finish is in the ordered
// output, so whatever is sent now comes behind it.
func (c *Conn) activate() {
	c.emit(registry.IDFinish, finishMsg{}.append)
	c.state.CompareAndSwap(uint32(IDCheck), uint32(Active))
	c.shaking = false
}

func (c *Conn) onFinish(payload []byte) {
	if c.State() != Active || c.proven {
		c.violation(registry.IDFinish, "came out of turn")
		return
	}
	if err := parseFinish(payload); err != nil {
		c.fault(ReasonPayload, &PayloadError{registry.NameFinish, err})
		return
	}
	c.proven = true
	c.establish()
}

// establish reports the conn made, once: when the other side has finished the
// handshake, or has sent a packet before it did.
func (c *Conn) establish() {
	if c.made || c.aborted() { // a Connect that has given up returned already
		return
	}
	c.made = true
	if e := c.extra.Load(); e != nil && e.target != nil {
		e.since = c.link.Loop().Time()
	}
	c.watchOver()
	c.peer.made(c)
	if f := c.peer.cfg.OnMade; f != nil {
		f(c)
	}
	c.tellPressure()
	c.wake(nil)
}

func (c *Conn) onSoftquit(payload []byte) {
	m, err := parseSoftquit(payload)
	if err != nil {
		c.fault(ReasonPayload, &PayloadError{registry.NameSoftquit, err})
		return
	}
	c.over = true
	c.lose(c.toldReason(m.reason, payload))
	c.link.Finish(c.peer.cfg.QuitGrace)
}

// toldReason is what the other side says of why it ends the conn, and what this side
// knows of it.
func (c *Conn) toldReason(reason Reason, payload []byte) error {
	switch reason {
	case ReasonDenied:
		if why := parseWhy(payload); why != "" {
			return &Denied{Why: why}
		}
	case ReasonNonEqualPackets:
		if differ := c.peer.refusal(c); differ != nil {
			c.peer.logFault(c, reason, differ)
			return &Fault{reason, differ}
		}
	}
	return reason
}

// quit ends the conversation from this side, with a reason, and an error behind
// it or nil. The other side is the one to close, so that it has read all before
// the socket goes.
func (c *Conn) quit(reason Reason, because error) {
	c.more().leaving.Store(true)
	if c.State() == Disconnected || c.lost {
		return
	}
	if because != nil {
		c.lose(&Fault{reason, because})
	} else {
		c.lose(reason)
	}
	c.emit(registry.IDSoftquit, softquitMsg{reason}.append)
	if !c.made { // there is nothing that it could still want to send
		c.over = true
		c.link.Finish(faultGrace)
		return
	}
	c.link.SetDeadline(c.link.Loop().Now() + c.peer.cfg.QuitGrace)
}

// fault ends the conn because of an error; no more input is looked at, and the
// other side has a moment to read why.
func (c *Conn) fault(reason Reason, err error) {
	if c.over {
		return
	}
	c.over = true
	c.peer.logFault(c, reason, err)
	if !c.lost {
		c.lose(&Fault{reason, err})
		c.emit(registry.IDSoftquit, c.lastWord(reason, err))
	}
	c.link.Finish(faultGrace)
}

// lastWord is the softquit that tells the other side of a fault.
func (c *Conn) lastWord(reason Reason, err error) func([]byte) []byte {
	var denied *Denied
	if reason == ReasonDenied && !c.peer.cfg.NoExtensions && errors.As(err, &denied) && denied.Why != "" {
		return func(b []byte) []byte { return appendWhy(b, denied.Why) }
	}
	return softquitMsg{reason}.append
}

func (c *Conn) violation(id uint16, what string) {
	c.fault(ReasonProtocol, &ProtocolError{State: c.State(), ID: id, Reason: what})
}

// refuseIDs ends a conn whose id map cannot be taken over.
func (c *Conn) refuseIDs(err error) {
	if _, ok := err.(*registry.MismatchError); ok {
		c.peer.logFault(c, ReasonNonEqualPackets, err)
		c.quit(ReasonNonEqualPackets, err)
		return
	}
	c.fault(ReasonProtocol, err)
}

// lose tells the program that the conn is lost, once. While it is told, it may
// still send.
func (c *Conn) lose(reason error) {
	if c.lost {
		return
	}
	e := c.more()
	c.lost, e.why = true, reason
	before := State(c.state.Swap(uint32(Softquitted)))
	c.link.EndWaits() // what they would send would come after the softquit
	c.noteUnsent(c.link.Waiting())
	e.farewell.Store(c.made && before <= Softquitted)
	defer e.farewell.Store(false)
	c.tellLost(reason)
}

func (c *Conn) tellLost(reason error) {
	returned := false
	defer c.caught(&returned)
	c.dropAhead()
	c.peer.gone(c)
	c.peer.stats.lost(reason)
	c.wake(reason)
	if f := c.peer.cfg.OnLost; f != nil {
		f(c, reason)
	}
	returned = true
}

// wake tells a waiting Connect how it went.
func (c *Conn) wake(err error) {
	if e := c.extra.Load(); e != nil && e.waiter != nil {
		w := e.waiter
		e.waiter = nil
		w(err)
	}
}

// Drain implements engine.Handler. Of a pair whose two ends are drained, the
// server's speaks: if both did, each would drop what the other still sends.
func (s *session) Drain(*engine.Conn) {
	c := s.conn()
	if far := c.far(); far != nil && far.reactor == c.peer.reactor {
		return
	}
	if !c.lost {
		c.quit(c.peer.farewell(), nil)
	}
}

// NotOpened implements engine.Unopened.
func (s *session) NotOpened(_ *engine.Conn, err error) {
	c := s.conn()
	if c.peer.admission.left(c.guest) == nil { // else it was closed, and counted, to make room
		c.peer.refuse(c.RemoteAddr(), err)
	}
}

// Closed implements engine.Handler.
func (s *session) Closed(_ *engine.Conn, err error) {
	c := s.conn()
	c.forgetPartial()
	c.state.Store(uint32(Disconnected))
	if err == nil {
		err = engine.ErrClosed
	}
	err = c.explainRefusal(err)
	defer c.depart()
	c.noteUnsent(c.link.Unsent())
	if !c.lost {
		c.lost, c.more().why = true, err
		c.tellLost(err)
	}
}

// depart takes the conn off its peer, behind OnLost.
func (c *Conn) depart() {
	c.peer.remove(c)
	if c.adapted.Load() != nil { // it was told the packets
		c.peer.reg.Leave()
	}
	e := c.more()
	if e.target != nil && c.made && !e.leaving.Load() {
		c.peer.lostServer(*e.target, c.link.Loop().Time()-e.since, e.why)
	}
}

// caught is deferred around the program's code where the engine does not know
// what conn it is for: a panic or a Goexit there ends this conn, with a reason,
// and nothing else.
func (c *Conn) caught(returned *bool) {
	v := recover()
	switch {
	case *returned:
	case v == nil: // the engine logs where
		c.fault(ReasonHandler, engine.ErrGoexit)
	default:
		(*session)(c).Failed(nil, &engine.PanicError{Value: v, Stack: debug.Stack()})
	}
}

// Failed implements engine.Failer.
func (s *session) Failed(_ *engine.Conn, err error) {
	c := s.conn()
	if p, ok := err.(*engine.PanicError); ok {
		c.peer.logPanic(c, p)
	}
	c.fault(ReasonHandler, err)
}
