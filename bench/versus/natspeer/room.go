package natspeer

// A room: what is published to a subject goes to all that have subscribed to it.

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/packetmq/packetmq/bench/versus/caller"
)

// roomSubject is what members subscribe to.
const roomSubject = "bench.room"

var errHeard = errors.New("what came is not what was said")

// Say has payloads sent to all members.
func Say(ctx context.Context, cfg caller.Config) (caller.Result, error) {
	return caller.Say(ctx, cfg, members{})
}

// members is a caller.Room that speaks the protocol by hand.
type members struct{}

func (members) Payload(size int) []byte { return caller.BinPayload(size) }

func (members) Join(c *caller.Socket) error { return hello(c, "SUB "+roomSubject+" 1\r\n") }

func (members) Greet(c *caller.Socket) error { return hello(c, "") }

// hello connects, says something, and waits until the server has heard it.
func hello(c *caller.Socket, more string) error {
	if _, err := c.Write([]byte(`CONNECT {"verbose":false,"pedantic":false}` + "\r\n" + more + "PING\r\n")); err != nil {
		return err
	}
	var got []byte
	for b := make([]byte, 1); !bytes.HasSuffix(got, pong); { // and no byte of the first message
		if _, err := c.Read(b); err != nil {
			return fmt.Errorf("%w after %.64q", err, got)
		}
		got = append(got, b...)
	}
	return nil
}

func (members) Say(payload []byte) []byte {
	return append(append(fmt.Appendf(nil, "PUB %s %d\r\n", roomSubject, len(payload)), payload...), "\r\n"...)
}

var (
	ping = []byte("PING\r\n")
	pong = []byte("PONG\r\n")
	head = []byte("MSG " + roomSubject + " 1 ")
	tail = []byte("\r\n")
)

func (members) Next(b, payload []byte) (length, times int, err error) {
	if bytes.HasPrefix(b, ping) { // the server measures the round trip once, and needs no answer
		return len(ping), 0, nil
	}
	line := bytes.Index(b, tail)
	if line < 0 {
		return 0, 0, nil
	}
	length = line + len(tail) + len(payload) + len(tail)
	switch {
	case !bytes.HasPrefix(b, head):
		return 0, 0, errHeard
	case len(b) < length:
		return 0, 0, nil
	case !bytes.Equal(b[line+len(tail):length-len(tail)], payload):
		return 0, 0, errHeard
	}
	return length, 1, nil
}
