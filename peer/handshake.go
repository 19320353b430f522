package peer

// The handshake. Both sides send init when the conn is open, pubids when they have the
// other's init, and finish when they have the other's pubids and let the other side in.
// With its finish a side is Active; with the other's finish the conn is made. A program
// can skip all that.

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// beginHandshake sends init. Both sides do so at once; neither waits for the other.
func (c *Conn) beginHandshake() {
	cfg := &c.peer.cfg
	c.setMaxSend(OriginalMaxFrame)
	c.flags.set(handshaking)
	c.armHandshakeDeadline()
	m := initMsg{version: protocolVersion}
	if !cfg.NoExtensions {
		m.maxFrame, m.beats = uint64(cfg.MaxFrame), cfg.Ping > 0
		m.auth = cfg.Authenticate != nil
		m.features = c.peer.announced()
		c.features.Store(featureWord(m.features, 0))
	}
	c.sendInternal(registry.IDInit, m.append)
}

// ErrHandshake is returned by SkipHandshake for a conn whose handshake may have begun.
var ErrHandshake = errors.New("peer: the handshake may have begun")

// SkipHandshake has the conn do without a handshake, like all those of a peer with
// Identity.SkipHandshake: it is for programs with a handshake of their own, and for OnOpen
// alone. The other side must skip it too. Authenticate is asked about the conn all the same.
// Anywhere else than in OnOpen it does nothing and returns ErrHandshake.
func (c *Conn) SkipHandshake() error {
	if err := c.check(); err != nil {
		return err
	}
	if _, ok := c.advanceFrom(c.life.Load(), handshakeSkipped, inOnOpen); !ok {
		return ErrHandshake
	}
	return nil
}

// skipHandshake makes the conn Active as soon as the program lets the other side in.
func (c *Conn) skipHandshake() {
	if c.peer.cfg.Authenticate != nil { // nothing is sent before the program has let the other side in
		c.advance(notLetInYet)
	}
	c.authenticate(nil, func() {
		c.advance(handshakeSkipped)
		c.setMaxSend(uint64(c.peer.cfg.MaxFrame))
		c.establish()
	})
}

// setMaxSend sets the largest frame to be sent: n, or less if this side would not take that
// much itself or if it could not wait in the reactor.
func (c *Conn) setMaxSend(n uint64) {
	waits := max(c.peer.reactor.MaxPending()-codec.LengthSize, 0)
	c.maxSend.Store(uint32(min(n, uint64(c.peer.cfg.MaxFrame), uint64(waits), math.MaxUint32)))
}

// onInit handles the other side's init and answers with pubids.
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
	c.features.Store(featureWord(c.inForce()&m.features, m.features))
	c.advance(initHandled)
	c.sendPubIDs(m.auth)
}

// sendPubIDs sends pubids, with a token if the other side has asked for one.
func (c *Conn) sendPubIDs(asked bool) {
	own := c.peer.ownPubIDs(c.peer.reg.Join())
	both := c.inForce()
	c.ids.Store(own.tables(both, c.adapts()))
	token, err := c.token(asked)
	if err != nil {
		c.fault(ReasonUnknown, err)
		return
	}
	details, err := c.offers(own.details(both, c.peer.cfg.Version), both)
	if err != nil {
		c.fault(ReasonUnknown, err)
		return
	}
	size := len(own.payload) + tokenSize(token)
	if size+detailsSize(details) > maxPubIDsPayload { // the only ones that the conn can do without
		details = slices.DeleteFunc(details, func(d detail) bool { return d.feature == FeatureShapes })
	}
	if size += detailsSize(details); size > maxPubIDsPayload {
		c.fault(ReasonUnknown, &SizeError{Packet: registry.NamePubIDs, Length: size, Max: maxPubIDsPayload})
		return
	}
	c.sendInternal(registry.IDPubIDs, func(b []byte) []byte {
		start := len(b)
		b = append(b, own.payload...)
		setPolicy(b, start, c.adapts())
		b = appendDetails(b, start, details)
		return appendToken(b, start, token)
	})
}

// onPubIDs handles the other side's pubids: the names are compared, the ids are taken over
// or not, and the program is asked whether the other side may come in.
func (c *Conn) onPubIDs(payload []byte) {
	if c.State() != IDCheck {
		c.violation(registry.IDPubIDs, "came out of turn")
		return
	}
	if c.peer.cfg.Authenticate != nil { // the decision may come when payload is gone
		payload = bytes.Clone(payload)
	}
	adapts := c.adapts()
	compares := adapts || c.inForce() != 0
	m, err := parsePubIDs(payload, false)
	if err == nil && compares && m.idmap == nil {
		err = errNoIDMap
	}
	switch {
	case err != nil:
		c.fault(ReasonPayload, &PayloadError{registry.NamePubIDs, err})
	case m.unclear:
		c.quit(ReasonUnknown, nil)
	case m.adapt == adapts:
		c.quit(ReasonSameAdaptivePolicy, nil)
	default:
		c.authenticate(m.token, func() {
			if !compares {
				c.noteMismatch(payload)
			} else if !c.meetOther(&m, adapts) {
				return
			}
			c.activate()
		})
	}
}

var errNoIDMap = fmt.Errorf("no %s", keyIDMap)

// meetOther takes over what the other side has told, and reports whether the conn goes on. A
// side that insists leaves it to the other one to find out that the names differ.
func (c *Conn) meetOther(m *pubIDsMsg, adapts bool) bool {
	err := c.meet(m, adapts)
	var differ *registry.MismatchError
	if errors.As(err, &differ) && !adapts {
		c.peer.keepMismatch(c, differ)
		return true
	}
	if err != nil {
		c.endForIDs(err)
		return false
	}
	if err := c.takeOffers(m); err != nil {
		c.endFor(err)
	}
	return !c.flags.has(lost)
}

// activate sends finish. Packets may be sent from now on, since they come after it.
func (c *Conn) activate() {
	c.sendInternal(registry.IDFinish, finishMsg{}.append)
	c.advance(finishSent)
	c.flags.clear(handshaking)
}

// onFinish handles the other side's finish.
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

// establish calls OnMade, unless it was called before. It is time for that when the other
// side has sent finish, or a packet of the program's, which the Python library may send
// before its finish.
func (c *Conn) establish() {
	if c.flags.has(made) || c.marked(aborted) { // a Connect that gives up aborts the conn, and must hear no OnMade
		return
	}
	c.flags.set(made)
	c.beginPause()
	if rare := c.rare.Load(); rare != nil && rare.target != nil {
		rare.since = c.link.Loop().Time()
	}
	c.startChecks()
	c.peer.addActive(c)
	c.tellMade()
	c.tellNews() // the registry may have changed since the handshake began
	c.tellPressure()
	c.finishConnect(nil)
}
