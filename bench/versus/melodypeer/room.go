package melodypeer

import (
	"bytes"
	"context"
	"errors"

	"github.com/packetmq/packetmq/bench/versus/caller"
)

// joined is what the server says to who has become a member.
const joined = "joined"

var errHeard = errors.New("what came is not what was said")

// Say has payloads sent to all members.
func Say(ctx context.Context, cfg caller.Config) (caller.Result, error) {
	return caller.Say(ctx, cfg, members{})
}

// members is a caller.Room.
type members struct{}

func (members) Payload(size int) []byte { return caller.BinPayload(size) }

func (members) Join(c *caller.Socket) error {
	if err := caller.OpenWebSocket(c, "/"); err != nil {
		return err
	}
	got, err := caller.ReadWebSocket(c)
	if err == nil && string(got) != joined {
		err = errHeard
	}
	return err
}

// Greet makes the speaker a member too: the server has no others.
func (m members) Greet(c *caller.Socket) error { return m.Join(c) }

func (members) Say(payload []byte) []byte {
	return caller.AppendWebSocket(nil, caller.WebSocketBinary, payload)
}

func (members) Next(b, payload []byte) (length, times int, err error) {
	got, length, err := caller.NextWebSocket(b)
	if err != nil || length == 0 {
		return 0, 0, err
	}
	if !bytes.Equal(got, payload) {
		return 0, 0, errHeard
	}
	return length, 1, nil
}
