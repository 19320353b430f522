package natspeer

// Requests whose bodies are structs, in msgpack: NATS itself carries bytes.

import (
	"context"

	"github.com/nats-io/nats.go"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/packetmq/packetmq/bench/versus/caller"
)

// typedSubject is what the responder decodes and encodes again.
const typedSubject = "bench.typed"

func answerTyped(m *nats.Msg) {
	var v caller.Value
	if msgpack.Unmarshal(m.Data, &v) != nil {
		return
	}
	if b, err := msgpack.Marshal(&v); err == nil {
		m.Respond(b)
	}
}

// CallTyped puts a load of typed requests on a server.
func CallTyped(ctx context.Context, cfg caller.Config) (caller.Result, error) {
	return caller.TypedCalls(ctx, cfg, func(context.Context) (caller.Typed, error) {
		nc, err := nats.Connect("nats://"+cfg.Addr, nats.NoReconnect())
		if err != nil {
			return nil, err
		}
		return typedClient{Client{nc}}, nil
	})
}

type typedClient struct{ Client }

func (c typedClient) Call(ask, answer *caller.Value) error {
	b, err := msgpack.Marshal(ask)
	if err != nil {
		return err
	}
	m, err := c.Conn.Request(typedSubject, b, timeout)
	if err != nil {
		return err
	}
	return msgpack.Unmarshal(m.Data, answer)
}
