package cluster

// The sessions of the simulation, and what must be true of them at both sides, at whatever nodes
// they are and have been.
//
// What the program keeps with a session goes with it: how many of the client's packets were handled.
// So each of them must be the next one of what the host knows, also where a session goes on from a
// copy. In the other direction packets are counted anew at each host, in legs. A leg begins with
// what the one before it had sent by then, which the client must have first. If it was moved, the
// client must have had no more of it.

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/packetmq/packetmq/internal/simtest"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/session"
)

// simTalk is a session, as both sides see it.
type simTalk struct {
	player  *simPlayer
	number  int    // in the world's talks
	user    string // as whom it is bound
	client  *session.Session
	sent    int       // by the client, which counts from 1
	handled int       // the most that a host has
	legs    []*simLeg // the first one is no host's
	last    *simLeg   // of which a packet came to the client last; nil: none
	parts   []*simPart

	logins    int   // how often it was bound: more often than once where no copy knew of that
	leaving   bool  // the client ends it
	closing   bool  // the world is over
	lost      bool  // a process is gone that had it
	elsewhere bool  // it goes on from a copy at a host that the client was not told of
	over      bool  // for the client,
	reason    error // because of this
}

// simLeg is what is sent to the client at one host after the session has come there.
type simLeg struct {
	after    *simLeg
	knew     int  // of the packets of that
	restored bool // it began with a copy
	got      int  // of its packets, by the client
}

// simState is what goes with a session.
type simState struct {
	talk, leg int
	got       int  // of the client's packets
	sent      int  // in the leg
	alone     bool // the client was not back since it went on from a copy
}

// simPart is a session at a host.
type simPart struct {
	simState
	of      *simTalk
	host    *simHost
	s       *session.Session
	ended   bool
	reason  error
	unacked map[simSpoken]bool
}

func (t *simTalk) leg(after *simLeg, st simState) (number int) {
	t.legs = append(t.legs, &simLeg{after: after, knew: st.sent, restored: st.alone})
	return len(t.legs) - 1
}

// serveSessions has the host's server serve sessions.
func (h *simHost) serveSessions() {
	cfg := h.w.talkConfig()
	cfg.OnNew, cfg.OnEnd, cfg.OnBack = h.partBegins, h.partEnds, func(s *session.Session, _ time.Duration) {
		if p, ok := s.Data().(*simPart); ok {
			p.alone = false
		}
	}
	h.sessions = session.Serve(h.srv, &cfg)
	peer.Handle(h.srv, simSpoke, h.spoken)
}

// travels has sessions come to the host, and go from it.
func (h *simHost) travels() Travel {
	t := Travel{Sessions: h.sessions, Advertise: fmt.Sprintf("tcp://n%d:7000", h.machine), Pack: h.pack, Arrived: h.partArrives}
	if h.w.shelf != nil {
		t.Copies = &simDrawer{h.w.shelf, h}
	}
	return t
}

// partBegins is that a session has begun here.
func (h *simHost) partBegins(s *session.Session) {
	t := h.coming[s.Conn()]
	if t == nil {
		h.w.Fail("a session has begun for nobody")
		return
	}
	h.w.Note("begins %d %d", h.number, t.number)
	h.addPart(t, s, simState{talk: t.number, leg: t.leg(t.legs[0], simState{})}).answer()
}

// login binds the player. His client has begun this session, and no other one since: a login on
// OnNew might be of a client that has gone to another host meanwhile.
func (p *simPart) login() {
	if err := p.host.Bind(p.s, p.of.user); err != nil && p.host.Err() == nil {
		p.host.w.Fail("%s was not bound: %v", p.of.user, err)
	}
	p.of.logins++
	p.host.w.Note("login %d %d", p.host.number, p.talk)
	p.host.Room(simCave).Join(p.s)
}

func (h *simHost) addPart(t *simTalk, s *session.Session, st simState) *simPart {
	p := &simPart{simState: st, of: t, host: h, s: s, unacked: make(map[simSpoken]bool)}
	s.SetData(p)
	t.parts, h.parts = append(t.parts, p), append(h.parts, p)
	return p
}

// pack is what goes with a session: the number of its state.
func (h *simHost) pack(s *session.Session) []byte {
	p, ok := s.Data().(*simPart)
	if !ok {
		return nil
	}
	st := p.simState
	if h.w.sabotage == simStatePast && st.got > 0 {
		st.got--
	}
	h.w.packed = append(h.w.packed, st)
	return binary.BigEndian.AppendUint64(nil, uint64(len(h.w.packed)-1))
}

// partArrives is that a session has come here.
func (h *simHost) partArrives(a Arrival) {
	if len(a.Blob) != 8 {
		h.w.Fail("a session came with %q", a.Blob)
		return
	}
	st := h.w.packed[binary.BigEndian.Uint64(a.Blob)]
	t := h.w.talks[st.talk]
	from := t.legs[st.leg]
	if st.alone = a.From == ""; st.alone {
		h.w.count.restored++
	} else {
		h.w.count.moved++
	}
	st.leg = t.leg(from, st)
	st.sent = 0
	h.addPart(t, a.Session, st)
	h.w.Note("arrived %d %d %v %s", h.number, t.number, st.alone, a.From)
}

// partEnds is that a session has ended here.
func (h *simHost) partEnds(s *session.Session, reason error, unacked []session.Packet) {
	p, ok := s.Data().(*simPart)
	switch {
	case h.over:
		return // nobody is told
	case !ok:
		h.w.Fail("a session has ended that has not begun: %v", reason)
		return
	case p.ended:
		h.w.Fail("a session has ended twice at %s: %v", h.Name(), reason)
	}
	if h.w.sabotage == simUnackedUntold && len(unacked) > 0 {
		unacked = unacked[1:]
	}
	p.ended, p.reason = true, reason
	p.of.lost = p.of.lost || errors.Is(reason, peer.ErrClosed) // it was left when the host was emptied
	p.of.elsewhere = p.of.elsewhere || errors.Is(reason, session.ErrSuperseded) && p.isLeftBehind()
	for _, packet := range unacked {
		v, err := session.Decode(packet, simSpoke)
		if err != nil {
			h.w.Fail("what was not acknowledged cannot be read: %v", err)
			return
		}
		p.unacked[*v] = true
	}
	h.w.Note("part ends %d %d %v", h.number, p.talk, reason)
}

// loseParts notes which sessions go with a process.
func (h *simHost) loseParts() {
	for _, p := range h.parts {
		if !p.ended && h.w.sabotage != simLossUnknown {
			p.of.lost = true
		}
	}
}

// spoken is that a client's packet came to a host.
func (h *simHost) spoken(c *peer.Conn, v *simSpoken) error {
	p, ok := session.Of(c).Data().(*simPart)
	if !ok || p.talk != v.Talk {
		h.w.Fail("a packet of session %d came in another one to %s", v.Talk, h.Name())
		return nil
	}
	if v.N != p.got+1 {
		h.w.Fail("packet %d of session %d came to %s after %d", v.N, v.Talk, h.Name(), p.got)
	}
	if p.got = v.N; v.N == 1 {
		p.login()
	}
	p.of.handled = max(p.of.handled, v.N)
	h.w.count.spoken++
	return nil
}

// say has the client send in its session.
func (t *simTalk) say() {
	for range 1 + t.player.w.IntN(4) {
		if session.Send(t.client, simSpoke, &simSpoken{t.number, 0, t.sent + 1}) == nil {
			t.sent++
		}
	}
}

// answer has some host that has the session send in it.
func (t *simTalk) answer() {
	if len(t.parts) > 0 {
		p := t.parts[len(t.parts)-1]
		if t.player.w.Chance(10) {
			p = simtest.Pick(t.player.w.World, t.parts)
		}
		if !p.host.over && !p.host.isPaused() {
			p.answer()
		}
	}
}

func (p *simPart) answer() {
	for range 1 + p.host.w.IntN(4) {
		if session.Send(p.s, simSpoke, &simSpoken{p.talk, p.leg, p.sent + 1}) == nil {
			p.sent++
		}
	}
}

// heard takes in that a packet of a leg came to the client.
func (t *simTalk) heard(leg, n int) {
	to := t.legs[leg]
	if n != to.got+1 {
		t.player.w.Fail("packet %d of leg %d came to %s after %d", n, leg, t.user, to.got)
	}
	if to != t.last {
		if why := t.leads(to); why != "" {
			t.player.w.Fail("packet %d of leg %d came to %s: %s", n, leg, t.user, why)
		}
		t.last = to
	}
	to.got = n
	t.player.w.count.spoken++
}

// leads says why the client may not have packets of a leg now, after those that it had.
func (t *simTalk) leads(to *simLeg) string {
	if t.last == nil {
		t.last = t.legs[0]
	}
	for l := to; l != t.last; l = l.after {
		switch {
		case l.after == nil:
			return "those before it were of a leg that does not lead there"
		case l.after.got < l.knew:
			return fmt.Sprintf("it had %d of %d packets of the leg before", l.after.got, l.knew)
		case l.after.got > l.knew && !l.restored:
			return fmt.Sprintf("it had %d packets of the leg before, which had sent %d", l.after.got, l.knew)
		}
	}
	return ""
}

// clientEnded is that a session has ended for its client.
func (t *simTalk) clientEnded(_ *session.Session, reason error, unacked []session.Packet) {
	w := t.player.w
	if t.over {
		w.Fail("a session has ended twice for %s: %v", t.user, reason)
	}
	t.over, t.reason = true, reason
	if t.closing {
		return
	}
	w.Note("talk ends %d %v", t.number, reason)
	if w.sabotage == simUnackedUntold && len(unacked) > 0 {
		unacked = unacked[1:]
	}
	first := t.sent - len(unacked) + 1
	for i, packet := range unacked {
		if v, err := session.Decode(packet, simSpoke); err != nil || v.N != first+i {
			w.Fail("of %d packets number %d of those not acknowledged is %v, %v", t.sent, i, v, err)
		}
	}
	if first-1 > t.handled {
		w.Fail("%d packets were acknowledged to %s, and %d handled", first-1, t.user, t.handled)
	}
	if why := t.mayEnd(reason); why != "" {
		w.Fail("session %d of %s has ended with %v, and %s", t.number, t.user, reason, why)
	}
	w.count.lostTalks++
}

// mayEnd says why a session may not end for its client.
func (t *simTalk) mayEnd(reason error) string {
	switch {
	case t.leaving, t.logins > 1: // of two logins that one stays which was later by clocks that are wrong
		return ""
	case errors.Is(reason, session.ErrUnknown):
		if t.lost || t.isOutOfSight() {
			return ""
		}
		return "no process is gone that had it"
	case errors.Is(reason, session.ErrCount), errors.Is(reason, session.ReasonCount):
		return "no memory is lost"
	case errors.Is(reason, peer.ReasonUnknown):
		if t.elsewhere || t.player.w.shelf != nil && t.player.w.shelf.astray[t.client.ID().String()] {
			return ""
		}
		return "no other host has it"
	}
	return "there is no cause"
}

// isOutOfSight reports whether a node that the client has come to may take one for gone that has the
// session.
func (t *simTalk) isOutOfSight() bool {
	for _, h := range t.player.came {
		for _, p := range t.parts {
			if name := p.host.Name(); !p.ended && !p.host.over && p.host != h && (!h.up[name] || h.w.now-h.upAt[name] < 2*h.w.lease+time.Second) {
				return true
			}
		}
	}
	return false
}

// unsettled says what of a session is not as it has to be in the end.
func (t *simTalk) unsettled() string {
	user := t.user
	if t.client.Away() {
		return user + " is away"
	}
	at := t.home()
	switch {
	case at == nil:
		return fmt.Sprintf("no host has the session of %s", user)
	case t.sent == 0:
		t.say()
		return user + " has said nothing"
	case at.got != t.sent:
		return fmt.Sprintf("%d packets of %s were handled, of %d", at.got, user, t.sent)
	}
	if leg := t.legs[at.leg]; leg.got != at.sent {
		return fmt.Sprintf("%s has had %d packets of %s, of %d", user, leg.got, at.host.Name(), at.sent)
	} else if leg != t.last {
		if t.last == nil {
			t.last = t.legs[0]
		}
		if why := t.leads(leg); why != "" {
			return fmt.Sprintf("%s lacks packets: %s", user, why)
		}
	}
	mine, _ := t.client.Pending()
	theirs, _ := at.s.Pending()
	if mine+theirs > 0 {
		return fmt.Sprintf("%d and %d packets of %s are not acknowledged", mine, theirs, user)
	}
	return ""
}

// home is the session where its client is.
func (t *simTalk) home() *simPart {
	at := t.player.at()
	for _, p := range t.parts {
		if p.host == at && !p.ended && p.s.ID() == t.client.ID() && !p.s.Away() {
			return p
		}
	}
	return nil
}

// judgeTalks looks whether each packet that was sent in a session has come, went on with it, or was
// told when it ended.
func (w *simWorld) judgeTalks() {
	for _, t := range w.talks {
		for _, p := range t.parts {
			if p.ended && !errors.Is(p.reason, session.ErrExported) {
				p.judge(p.leg, p.sent)
			}
		}
	}
}

// judge looks at the packets of a leg that were sent in an ended part of its session, or had come with it.
func (p *simPart) judge(leg, sent int) {
	l, t := p.of.legs[leg], p.of
	for n := l.got + 1; n <= sent; n++ {
		goesOn := false
		for i, next := range t.legs {
			goesOn = goesOn || next.after == l && next.knew >= n && i != p.leg && !p.isAfter(next)
		}
		if !goesOn && !p.unacked[simSpoken{t.number, leg, n}] {
			p.host.w.Fail("packet %d of leg %d to %s was lost without a word at %s: %v", n, leg, t.user, p.host.Name(), p.reason)
		}
	}
	if l.after != nil && l.after != t.legs[0] {
		for i, before := range t.legs {
			if before == l.after {
				p.judge(i, l.knew)
			}
		}
	}
}

// isLeftBehind reports whether the session goes on from a copy elsewhere.
func (p *simPart) isLeftBehind() bool {
	for _, l := range p.of.legs {
		if l.restored && !p.isAfter(l) {
			return true
		}
	}
	return false
}

// isAfter reports whether a part's leg goes on from another one, or is it.
func (p *simPart) isAfter(l *simLeg) bool {
	for own := p.of.legs[p.leg]; own != nil; own = own.after {
		if own == l {
			return true
		}
	}
	return false
}
