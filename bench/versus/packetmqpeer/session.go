package packetmqpeer

// A packet and its reply in a session, and sessions whose conns are cut.

import (
	"context"
	"errors"

	"github.com/packetmq/packetmq/bench/versus/caller"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/session"
)

var errCut = errors.New("packetmqpeer: cut")

// cutNow, in place of a number, has the server of sessions abort the conn.
const cutNow = 0

// CallSession is CallTyped in sessions, each with a conn of its own.
func CallSession(ctx context.Context, cfg caller.Config) (caller.Result, error) {
	cli, err := newClient(peer.Events{}, ask, reply)
	if err != nil {
		return caller.Result{}, err
	}
	defer cli.Close()
	peer.Handle(cli, reply, func(c *peer.Conn, v *caller.Value) error {
		session.Of(c).Data().(*typedConn).answered(v)
		return nil
	})
	return caller.TypedCalls(ctx, cfg, func(ctx context.Context) (caller.Typed, error) {
		s, err := session.Dial(ctx, cli, cfg.Addr, nil)
		if err != nil {
			return nil, err
		}
		t := newTypedConn(closer{s}, func(v *caller.Value) error { return session.Send(s, ask, v) })
		s.SetData(t)
		s.OnLost(t.lost)
		return t, nil
	})
}

// closer ends a session.
type closer struct{ *session.Session }

func (c closer) Close() error { return c.End("") }

// Cut cuts the conns of sessions, all at once, by a client that comes back as it does by default.
func Cut(ctx context.Context, cfg caller.Config) (caller.Result, error) {
	cli, err := newClientOf(&peer.Config{Reconnect: &peer.Backoff{}}, ask, reply)
	if err != nil {
		return caller.Result{}, err
	}
	defer cli.Close()
	peer.Handle(cli, reply, func(c *peer.Conn, v *caller.Value) error {
		session.Of(c).Data().(func(uint64))(v.Seq)
		return nil
	})
	return caller.Cut(ctx, cfg, func(ctx context.Context, answered func(seq uint64), ended func(error)) (caller.Lasting, error) {
		s, err := session.Dial(ctx, cli, cfg.Addr, nil)
		if err != nil {
			return nil, err
		}
		s.SetData(answered)
		s.OnLost(ended)
		return lasting{s}, nil
	})
}

// lasting implements caller.Lasting.
type lasting struct{ *session.Session }

func (l lasting) Send(seq uint64) error { return session.Send(l.Session, ask, &caller.Value{Seq: seq}) }

// Cut has the server abort the conn: what the client itself ends does not come back.
func (l lasting) Cut() {
	if c := l.Conn(); c != nil {
		peer.Send(c, ask, &caller.Value{Seq: cutNow})
	}
}
