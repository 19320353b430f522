package peer

// The handshake: both sides send init, then pubids, then finish. A program can skip
// it; both ways end in establish, which calls OnMade.

import (
	"bytes"
	"math"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// setMaxSend bounds what is sent: to n, to what this side would take, and to what may
// wait.
func (c *Conn) setMaxSend(n uint64) {
	waits := max(c.peer.reactor.MaxPending()-codec.LengthSize, 0)
	c.maxSend.Store(uint32(min(n, uint64(c.peer.cfg.MaxFrame), uint64(waits), math.MaxUint32)))
}

// checkHandshakeFrame bounds what is buffered for a conn that has not shown who
// it is.
func checkHandshakeFrame(id uint16, length int) error {
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

// sendInternal sends an internal packet.
func (c *Conn) sendInternal(id uint16, payload func([]byte) []byte) {
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

// onInternal handles one of this library's own packets.
func (c *Conn) onInternal(id uint16, payload []byte) {
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
		c.onHeartbeat(id, payload)
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
	c.peer.admission.progressed(c.admitted)
	if m.beats && c.peer.cfg.Ping > 0 && !c.peer.cfg.NoExtensions {
		c.flags.set(heartbeats)
	}
	c.advance(initHandled)
	own := c.peer.ownPubIDs(c.peer.reg.Join())
	c.ids.Store(&own.told)
	token, err := c.token(m.auth)
	if err != nil {
		c.fault(ReasonUnknown, err)
		return
	}
	if n := len(own.payload) + tokenSize(token); n > maxPubIDsPayload {
		c.fault(ReasonUnknown, &SizeError{Packet: registry.NamePubIDs, Length: n, Max: maxPubIDsPayload})
		return
	}
	c.sendInternal(registry.IDPubIDs, func(b []byte) []byte {
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
				c.noteMismatch(payload)
			} else if err := c.adapt(m.ids); err != nil {
				c.endForIDs(err)
				return
			}
			c.activate()
		})
	}
}

// activate is the moment from which packets flow: finish is in the ordered
// output, so whatever is sent now comes behind it.
func (c *Conn) activate() {
	c.sendInternal(registry.IDFinish, finishMsg{}.append)
	c.advance(finishSent)
	c.flags.clear(handshaking)
}

func (c *Conn) onFinish(payload []byte) {
	if c.State() != Active || c.flags.has(finishSeen) {
		c.violation(registry.IDFinish, "came out of turn")
		return
	}
	if err := parseFinish(payload); err != nil {
		c.fault(ReasonPayload, &PayloadError{registry.NameFinish, err})
		return
	}
	c.flags.set(finishSeen)
	c.establish()
}

// establish reports the conn made, once: when the other side has finished the
// handshake, or has sent a packet before it did.
func (c *Conn) establish() {
	if c.flags.has(made) || c.marked(aborted) { // a Connect that has given up returned already
		return
	}
	c.flags.set(made)
	if e := c.rare.Load(); e != nil && e.target != nil {
		e.since = c.link.Loop().Time()
	}
	c.startChecks()
	c.peer.addActive(c)
	if f := c.peer.cfg.OnMade; f != nil {
		f(c)
	}
	c.tellPressure()
	c.finishConnect(nil)
}
