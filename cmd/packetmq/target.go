package main

// The flags of commands that connect to a server: time, TLS, token.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/packetmq/packetmq/cmd/packetmq/internal/remote"
)

// addresses are the forms of an address, for the help of commands.
const addresses = `ADDR is tcp://HOST:PORT, tls://HOST:PORT, unix:///PATH, ws://HOST:PORT/PATH or
wss://HOST:PORT/PATH; without a scheme it is tcp://.`

// target is what the flags say of a server.
type target struct {
	timeout time.Duration
	tls     tlsFlags
	token   string // a file
	origin  string
}

// flags defines the flags.
func (t *target) flags(c *cobra.Command) {
	fs := c.Flags()
	fs.DurationVar(&t.timeout, "timeout", 5*time.Second, "how long connecting, or an answer, may take")
	t.tls.define(fs)
	fs.StringVar(&t.token, "token-file", "", "`FILE` with the token to show if the server asks for one")
	fs.StringVar(&t.origin, "origin", "", "`ORIGIN` header of ws:// and wss://")
}

// options are what the flags say.
func (t *target) options() (o remote.Options, err error) {
	o.Version = "packetmq command"
	if t.origin != "" {
		o.WS.Header = map[string][]string{"Origin": {t.origin}}
	}
	if t.token != "" {
		if o.Token, err = os.ReadFile(t.token); err != nil {
			return o, err
		}
		o.Token = bytes.TrimRight(o.Token, "\r\n") // which editors put at the end of a file
	}
	o.TLS, err = t.tls.config()
	return o, err
}

// meeting is a conn to a server, and what that has told.
type meeting struct {
	*remote.Conn
	told *remote.Told
}

// meet connects to addr. received may be nil.
func (t *target) meet(ctx context.Context, addr string, received remote.Received) (m meeting, err error) {
	o, err := t.options()
	if err != nil {
		return m, err
	}
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	if m.told, err = remote.Learn(ctx, addr, o); err != nil {
		return m, noTime(err, t.timeout)
	}
	m.Conn, err = remote.Connect(ctx, addr, m.told, o, received)
	return m, noTime(err, t.timeout)
}

// leave ends the conn in order.
func (t *target) leave(ctx context.Context, m meeting) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.timeout)
	defer cancel()
	return m.Close(ctx)
}

// noTime says how long was waited where that is why something failed.
func noTime(err error, after time.Duration) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %v", after)
	}
	return err
}
