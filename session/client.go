package session

// The client's side: a session that asks its server, on each conn that its client makes.

import (
	"context"
	"errors"
	"fmt"

	"github.com/packetmq/packetmq/peer"
)

// New makes a session of a client, which begins when a conn is made for it:
//
//	s := session.New(cli, nil)
//	cli.ConnectAsync("tcp://localhost:7000", session.Over(s))
//
// What is sent before that waits. With peer.Config.Reconnect the client comes back when the
// conn is lost, and the session goes on. It waits for Config.Away at most, from New on too.
//
// Its conn is for the session: it ends when the session does. To end the session call End, not
// the conn's Close, after which the client would not come back and the session would wait. New
// panics where Serve does; a client has as many sessions as it has conns.
func New(h peer.Host, cfg *Config) *Session {
	p, err := peer.Of(h)
	var own *host
	if err == nil {
		own, err = hostOf(p)
	}
	if err != nil {
		panic(fmt.Sprintf("session: New: %v", err))
	}
	s := newSession(own, cfg.withDefaults(), nil, p.Reactor().Loops()[0])
	s.secret = newSecret() // the nonce
	if err := own.add(s); err != nil {
		go s.onOwner(func() { s.finish(err, false) }) // apart, since the program does not have it yet
		return s
	}
	s.onOwner(func() {
		if s.Away() && s.candidate == nil && !s.hasEnded() {
			s.startWaiting()
		}
	})
	return s
}

// Over has a Connect, and the attempts to come back that follow it, make conns for the
// session.
func Over(s *Session) peer.ConnectOption {
	if s == nil {
		return peer.WithLabel(nil)
	}
	return peer.WithLabel(s)
}

// Carry has a conn of the client's carry the session, for conns that are made without Over, such
// as those of Client.Inject. The program makes the next one when it is lost. If another conn
// carries the session, that one ends. Any goroutine may call it.
func (s *Session) Carry(c *peer.Conn) error {
	switch {
	case s == nil:
		return ErrNoSession
	case c == nil || c.Peer() != s.host.peer || s.server != nil:
		return peer.ErrNoConn
	case s.hasEnded():
		return ErrEnded
	case c.State() != peer.Active:
		return peer.ErrNotActive
	}
	return c.Loop().Post(func() {
		if c.State() == peer.Active {
			s.connMade(s.host.carrierOf(c))
		}
	})
}

// Dial connects a client to the server at addr, and begins a session there. It returns when
// the server has accepted the session, or with why it has not; ctx and the other errors are
// those of Client.Connect. The client should have peer.Config.Reconnect, for the session to go
// on when the conn is lost. Dial may not be called on a loop: New is for that.
func Dial(ctx context.Context, cli *peer.Client, addr string, cfg *Config) (*Session, error) {
	if cli == nil {
		return nil, peer.ErrNoPeer
	}
	return dial(ctx, cli, cfg, func(over peer.ConnectOption) (*peer.Conn, error) { return cli.Connect(ctx, addr, over) })
}

// DialMemory is Dial for a client that connects to a server of its own process.
func DialMemory(ctx context.Context, cli *peer.MemoryClient, to peer.MemoryHost, cfg *Config) (*Session, error) {
	if cli == nil {
		return nil, peer.ErrNoPeer
	}
	return dial(ctx, cli, cfg, func(over peer.ConnectOption) (*peer.Conn, error) { return cli.Connect(ctx, to, over) })
}

func dial(ctx context.Context, h peer.Host, cfg *Config, connect func(peer.ConnectOption) (*peer.Conn, error)) (*Session, error) {
	s := New(h, cfg)
	if _, err := connect(Over(s)); err != nil {
		s.onOwner(func() { s.finish(err, false) })
		return nil, err
	}
	select {
	case <-s.begun:
	case <-ctx.Done():
		s.onOwner(func() { s.finish(context.Cause(ctx), true) })
		return nil, context.Cause(ctx)
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	return s, nil
}

// Begun returns a channel that is closed when the server has accepted the session for the
// first time, or when the session has ended.
func (s *Session) Begun() <-chan struct{} {
	if s == nil {
		return nil
	}
	return s.begun
}

// connMade asks the server to have the conn carry the session.
func (s *Session) connMade(k *carrier) {
	switch {
	case s.hasEnded():
		k.conn.Softquit(ReasonOver)
		return
	case k.lost:
		return
	case !k.conn.Uses(Feature) || !k.served:
		s.onOwner(func() { s.finish(ErrNotServed, false) })
		return
	}
	if !k.asked {
		k.asked = true
		s.mu.Lock()
		s.conns++
		k.attempt = s.conns
		s.mu.Unlock()
		s.take(k, uint64(k.attempt), func() bool { return s.wants(k) }, func() { s.ask(k) })
	}
}

// wants reports whether the session has use for a conn, and ends the conn if not.
func (s *Session) wants(k *carrier) bool {
	if s.hasEnded() {
		k.conn.Softquit(ReasonOver)
		return false
	}
	return true
}

// ask asks the server, on the loop of k, which is the owner.
func (s *Session) ask(k *carrier) {
	s.startWaiting()
	if k.lost {
		return
	}
	s.candidate = k
	k.session.Store(s)
	s.sendClaim(k)
}

// sendClaim sends what asks the server, when the conn has room for it.
func (s *Session) sendClaim(k *carrier) {
	if k.over || k.lost {
		return
	}
	var b []byte
	if s.accepted {
		b = (&resume{s.ID(), s.secret, k.attempt, s.in, s.cfg.window()}).append(nil)
	} else {
		b = (&begin{s.secret, k.attempt, s.cfg.window()}).append(nil)
	}
	switch err := k.conn.SendExtension(Feature, b); {
	case err == nil:
	case errors.Is(err, peer.ErrBackpressure):
		k.conn.Loop().After(pumpEvery, func() { s.sendClaim(k) })
	case !isLater(err):
		s.finish(err, false)
	}
}

// accept has the conn carry the session, because the server has accepted it.
func (s *Session) accept(k *carrier, m *accepted) {
	if s.candidate != k {
		return
	}
	s.mu.Lock()
	ok := m.resumed == s.accepted && s.out.ack(m.received) && (!s.accepted || m.id == s.id)
	s.id = m.id
	s.mu.Unlock()
	if !ok {
		m := end{s.in, string(ReasonCount)} // at the server the conn carries the session already
		k.conn.SendExtension(Feature, m.append(nil))
		s.finish(ErrCount, false)
		return
	}
	first := !s.accepted
	s.candidate, s.secret = nil, m.secret
	err := s.attach(k, m.window, func() error {
		k.ack() // which shows that the secret has arrived
		return nil
	})
	switch {
	case err != nil:
		s.finish(err, true)
	case first:
		s.setBegun()
		if f := s.cfg.OnNew; f != nil {
			s.call(func() { f(s) })
		}
	default:
		s.callEach(s.backCalls())
	}
	s.callAcked()
}

// setBegun ends the wait for the session to begin.
func (s *Session) setBegun() {
	if !s.accepted {
		s.accepted = true
		close(s.begun)
	}
}

// refused ends the session, because the server does not accept it.
func (s *Session) refused(k *carrier, why refusal) {
	if s.candidate == k {
		s.finish(why.err(), false)
	}
}
