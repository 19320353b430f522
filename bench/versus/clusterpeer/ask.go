package clusterpeer

// The load of questions from one node to another: the load is a node itself, and its conns are all the
// one with the other node.

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/packetmq/packetmq/bench/versus/caller"
	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/peer"
)

// errNoNode ends a load whose node is not found in time.
var errNoNode = errors.New("clusterpeer: the node is not found")

// Ask joins a node of packetmq's, and calls it.
func Ask(ctx context.Context, cfg caller.Config) (caller.Result, error) {
	srv, err := newServer()
	if err != nil {
		return caller.Result{}, err
	}
	defer srv.Close()
	if err := srv.RunAsync(); err != nil {
		return caller.Result{}, err
	}
	found := make(chan struct{}, 1)
	n, _, err := join(ctx, srv, Node{Name: "load", Join: cfg.Addr}, func(string) {
		select {
		case found <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return caller.Result{}, err
	}
	defer n.Leave()
	wait, cancel := context.WithTimeoutCause(ctx, startPatience, errNoNode)
	defer cancel()
	select {
	case <-found:
	case <-wait.Done():
		return caller.Result{}, context.Cause(wait)
	}
	return caller.Calls(ctx, cfg, func(context.Context) (caller.Unary, error) { return asker{n.Node("n0")}, nil })
}

// asker implements caller.Unary.
type asker struct{ *peer.Conn }

func (a asker) Call(payload []byte) ([]byte, error) {
	v := codec.Raw(payload)
	answer, err := call.Do(context.Background(), a.Conn, echoes, &v)
	if err != nil {
		return nil, err
	}
	return *answer, nil
}

// Close leaves the conn: it ends with the node.
func (a asker) Close() error { return nil }

// NATSAsk joins a server of NATS with another one, and has nats.go make requests.
func NATSAsk(ctx context.Context, cfg caller.Config) (caller.Result, error) {
	s, err := startNATS(Node{Name: "load", Join: cfg.Addr})
	if err != nil {
		return caller.Result{}, err
	}
	defer s.WaitForShutdown()
	defer s.Shutdown()
	nc, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		return caller.Result{}, err
	}
	defer nc.Close()
	if err := untilAnswered(ctx, nc); err != nil {
		return caller.Result{}, err
	}
	return caller.Calls(ctx, cfg, func(context.Context) (caller.Unary, error) { return natsAsker{nc}, nil })
}

// untilAnswered asks until the other server answers. Nothing tells a client of NATS that its server
// has learnt of subscriptions at another one, so the question is repeated at intervals.
func untilAnswered(ctx context.Context, nc *nats.Conn) error {
	wait, cancel := context.WithTimeoutCause(ctx, startPatience, errNoNode)
	defer cancel()
	again := time.NewTicker(askAgain)
	defer again.Stop()
	for {
		_, err := nc.RequestWithContext(wait, natsSubject, nil)
		if err == nil {
			return nil
		}
		if wait.Err() == nil && !errors.Is(err, nats.ErrNoResponders) {
			return err
		}
		select {
		case <-again.C:
		case <-wait.Done():
			return context.Cause(wait)
		}
	}
}

// askAgain is the interval between two questions to a server that is not found yet. A longer one
// delays the start of the load, a shorter one takes CPU from the servers that look for each other.
const askAgain = 10 * time.Millisecond

type natsAsker struct{ *nats.Conn }

func (a natsAsker) Call(payload []byte) ([]byte, error) {
	m, err := a.Request(natsSubject, payload, requestTimeout)
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

func (a natsAsker) Close() error { return nil }
