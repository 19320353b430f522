package centrifugepeer

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/packetmq/packetmq/bench/versus/caller"
)

// Say has payloads sent to all members.
func Say(ctx context.Context, cfg caller.Config) (caller.Result, error) {
	return caller.Say(ctx, cfg, members{})
}

// members is a caller.Room.
type members struct{}

// Payload returns a string of JSON.
func (members) Payload(size int) []byte {
	return append(append([]byte{'"'}, bytes.Repeat([]byte("x"), size-2)...), '"')
}

func (m members) Join(c *caller.Socket) error {
	if err := m.Greet(c); err != nil {
		return err
	}
	return ask(c, fmt.Sprintf(`{"id":2,"subscribe":{"channel":%q}}`, channel), `"subscribe"`)
}

func (members) Greet(c *caller.Socket) error {
	if err := caller.OpenWebSocket(c, "/"); err != nil {
		return err
	}
	return ask(c, `{"id":1,"connect":{}}`, `"connect"`)
}

// ask sends a command, and waits for its answer.
func ask(c *caller.Socket, command, answer string) error {
	if _, err := c.Write(caller.AppendWebSocket(nil, caller.WebSocketText, []byte(command))); err != nil {
		return err
	}
	got, err := caller.ReadWebSocket(c)
	if err == nil && !bytes.Contains(got, []byte(answer)) {
		err = fmt.Errorf("the server answers %.128q", got)
	}
	return err
}

func (members) Say(payload []byte) []byte {
	command := fmt.Appendf(nil, `{"id":3,"publish":{"channel":%q,"data":%s}}`, channel, payload)
	return caller.AppendWebSocket(nil, caller.WebSocketText, command)
}

var errHeard = errors.New("what came is not what was said")

// Next finds the payload in each line of a message, of which there may be several.
func (members) Next(b, payload []byte) (length, times int, err error) {
	got, length, err := caller.NextWebSocket(b)
	if err != nil || length == 0 {
		return 0, 0, err
	}
	for line := range bytes.Lines(got) {
		if !bytes.Contains(line, payload) {
			return 0, 0, fmt.Errorf("%w: %.128q", errHeard, line)
		}
		times++
	}
	return length, times, nil
}
