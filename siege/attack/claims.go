package attack

// Row claims: conns that begin sessions, guess secrets, and resume what has ended.

import (
	"context"
	"crypto/rand"
	"net"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/internal/figures"
	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/target"
	"github.com/packetmq/packetmq/siege/wire"
)

const (
	// sessionsPerAddr is how many sessions the server takes from one address.
	sessionsPerAddr = 64

	// sessionBound is how many bytes a session without packets may take, and half as much
	// again is left to the collector. claimsBase is what the attack may take besides.
	sessionBound = 4 << 10
	claimsBase   = 32 << 20
)

// claims is an attack on the sessions of a server, beside one that lives.
type claims struct {
	t      *trial
	s      *target.Server
	honest wire.Accepted // which the attackers know by its id

	turns, begun, refused atomic.Int64
}

// tryClaims has thousands of conns ask for sessions in every way that is not meant. A session that
// lives meanwhile goes on afterwards, and others are answered in time.
func tryClaims(ctx context.Context, t *trial) error {
	s, err := t.start(ctx, target.Options{Sessions: true})
	if err != nil {
		return err
	}
	x := &claims{t: t, s: s}
	c, err := x.connect(ctx, nil)
	if err != nil {
		return err
	}
	defer c.Reset()
	if x.honest, err = claim(c, wire.Begin(newSecret(), 1)); err != nil {
		return err
	}
	before, probes, err := watch(ctx, s, 20, 10*time.Millisecond)
	if err != nil {
		return err
	}
	client.Parallel(t.pick(12000, 300), func() { x.attack(ctx) })
	if err := x.beginFromOneAddress(ctx); err != nil {
		return err
	}
	_, slowest, err := probes.Stop()
	t.check(err == nil, "another conn: %v", err)
	t.check(slowest < t.bound(answerWithin), "another conn waited %v, want at most %v", slowest, answerWithin)
	x.resumeHonest(ctx)
	peak, err := s.PeakRSS()
	if err != nil {
		return err
	}
	bound := mostRSS(claimsBase + x.begun.Load()*sessionBound)
	t.check(peak-before <= bound, "the server grew by %s, want at most %s", figures.Bytes(peak-before), figures.Bytes(bound))
	t.show("%s claims: %s sessions begun and left, %s refused; +%s (of %s); others waited %s at most",
		figures.Count(x.turns.Load()), figures.Count(x.begun.Load()), figures.Count(x.refused.Load()),
		figures.Bytes(peak-before), figures.Bytes(bound), figures.Latency(slowest))
	return ctx.Err()
}

func newSecret() (s wire.Secret) { rand.Read(s[:]); return s }

// connect makes a conn that knows sessions, from an address, nil for one of its own.
func (x *claims) connect(ctx context.Context, from net.IP) (c *client.Conn, err error) {
	if from == nil {
		c, err = x.s.Dial(ctx)
	} else {
		c, err = x.s.DialFrom(ctx, from)
	}
	if err != nil {
		return nil, err
	}
	if err := c.HandshakeWith(x.s.SessionHandshake()); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// claim asks for a session.
func claim(c *client.Conn, payload []byte) (a wire.Accepted, err error) {
	c.SetDeadline(time.Now().Add(client.Patience))
	defer c.SetDeadline(time.Time{})
	if err := c.Send(wire.IDSession, payload); err != nil {
		return a, err
	}
	f, err := c.ReadFrame()
	if err != nil {
		return a, err
	}
	return wire.ReadClaim(f)
}

// attack is one conn, which asks in one of the ways.
func (x *claims) attack(ctx context.Context) {
	c, err := x.connect(ctx, nil)
	if err != nil {
		x.t.fail("an attacker: %v", err)
		return
	}
	defer c.Reset()
	switch n := x.turns.Add(1); n % 6 {
	case 0:
		x.wantUnknown(c, "a guessed secret", wire.Resume(x.honest.ID, newSecret(), uint32(n)))
	case 1:
		id := x.honest.ID
		id[13] += byte(n) | 0x80
		x.wantUnknown(c, "a guessed id", wire.Resume(id, x.honest.Secret, uint32(n)))
	case 2: // and it vanishes
		if _, err := claim(c, wire.Begin(newSecret(), 1)); err != nil {
			x.t.fail("a session was not begun: %v", err)
		} else {
			x.begun.Add(1)
		}
	case 3:
		x.resumeEnded(ctx, c)
	case 4:
		c.Send(wire.IDSession, wire.Begin(newSecret(), 1))
		c.Send(wire.IDSession, wire.Begin(newSecret(), 1))
		x.begun.Add(1)
		x.wantReason(c, "two claims on a conn")
	default:
		c.Send(wire.IDSession, wire.Resume(x.honest.ID, x.honest.Secret, 1)[:20])
		x.wantReason(c, "half a claim")
	}
}

// wantUnknown claims what the server must say that it does not know.
func (x *claims) wantUnknown(c *client.Conn, what string, payload []byte) {
	if _, err := claim(c, payload); err != wire.RefusedUnknown {
		x.t.fail("%s: %v, want that it is unknown", what, err)
	}
	x.refused.Add(1)
}

func (x *claims) wantReason(c *client.Conn, what string) {
	why, err := c.ReadReason(client.Patience)
	x.t.check(err == nil && why == "reason.payload", "%s: reason %q, %v", what, why, err)
	x.refused.Add(1)
}

// resumeEnded begins a session, ends it, and resumes it on another conn.
func (x *claims) resumeEnded(ctx context.Context, c *client.Conn) {
	a, err := claim(c, wire.Begin(newSecret(), 1))
	if err != nil {
		x.t.fail("a session was not begun: %v", err)
		return
	}
	c.Send(wire.IDSession, wire.EndSession("siege.over"))
	if err := c.Echo(wire.NewPacket(1, 1, 8), true); err != nil { // the end has come
		x.t.fail("after the end of a session: %v", err)
		return
	}
	other, err := x.connect(ctx, nil)
	if err != nil {
		x.t.fail("an attacker: %v", err)
		return
	}
	defer other.Reset()
	x.wantUnknown(other, "an ended session", wire.Resume(a.ID, a.Secret, 2))
}

// beginFromOneAddress begins sessions from one address until the server takes no more of it.
func (x *claims) beginFromOneAddress(ctx context.Context) error {
	taken := 0
	for range sessionsPerAddr + 8 {
		c, err := x.connect(ctx, net.IPv4(127, 2, 0, 1))
		if err != nil {
			return err
		}
		_, err = claim(c, wire.Begin(newSecret(), 1))
		c.Reset()
		switch err {
		case nil:
			taken++
		case wire.RefusedTooMany:
			x.refused.Add(1)
		default:
			return err
		}
	}
	x.begun.Add(int64(taken))
	x.t.check(taken == sessionsPerAddr, "one address has begun %d sessions, want %d", taken, sessionsPerAddr)
	return nil
}

// resumeHonest has the session that lived meanwhile go on, on another conn.
func (x *claims) resumeHonest(ctx context.Context) {
	c, err := x.connect(ctx, nil)
	if err != nil {
		x.t.fail("the session that lives: %v", err)
		return
	}
	defer c.Reset()
	a, err := claim(c, wire.Resume(x.honest.ID, x.honest.Secret, 2))
	x.t.check(err == nil && a.Resumed && a.ID == x.honest.ID, "the session that lives is not resumed: %+v, %v", a, err)
	x.t.check(a.Secret != x.honest.Secret, "its secret was not renewed")
}
