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
	n, _, err := join(ctx, srv, Node{Name: "load", Join: cfg.Addr})
	if err != nil {
		return caller.Result{}, err
	}
	defer n.Leave()
	for began := time.Now(); n.Node("n0") == nil; time.Sleep(time.Millisecond) {
		if time.Since(began) > startPatience {
			return caller.Result{}, errors.New("clusterpeer: the node is not found")
		}
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
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		if _, err = nc.Request(natsSubject, nil, time.Second); err == nil {
			break
		}
		if time.Since(began) > startPatience {
			return caller.Result{}, err
		}
	}
	return caller.Calls(ctx, cfg, func(context.Context) (caller.Unary, error) { return natsAsker{nc}, nil })
}

type natsAsker struct{ *nats.Conn }

func (a natsAsker) Call(payload []byte) ([]byte, error) {
	m, err := a.Request(natsSubject, payload, requestTimeout)
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

func (a natsAsker) Close() error { return nil }
