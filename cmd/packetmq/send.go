package main

// The commands send and call: a packet to a server, and what comes back.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/cmd/packetmq/internal/jsonvalue"
	"github.com/packetmq/packetmq/cmd/packetmq/internal/remote"
	"github.com/packetmq/packetmq/internal/command"
)

// values says how values are written, for the help of commands.
const values = `JSON is the value, or - for that of standard input. Numbers without a point are integers. What
JSON has nothing for is an object with one key: {"$bytes": "base64"}, {"$time": "RFC 3339"},
{"$map": [[key, value]]}, {"$float": "NaN"}.`

func newSend(std command.IO) *cobra.Command {
	var to target
	var wait time.Duration
	var n int
	c := &cobra.Command{
		Use:   "send ADDR NAME JSON",
		Short: "send a packet to a server",
		Long: `Send connects to a server and sends one packet, whose id it learns from the handshake. With
--wait it then prints the packets that come.

` + values + "\n\n" + addresses,
		Example: `  packetmq send tcp://localhost:7000 chat:say '{"Text": "hello"}' --wait 2s`,
		Args:    cobra.ExactArgs(3),
	}
	to.flags(c)
	c.Flags().DurationVarP(&wait, "wait", "w", 0, "print what comes for so long")
	c.Flags().IntVarP(&n, "count", "n", 0, "with --wait: end when so many packets have come; 0: do not")
	asJSON := jsonFlag(c, "each packet that comes as an object")
	c.RunE = run(func(ctx context.Context, args []string) error {
		payload, err := payloadOf(args[2], std.In)
		if err != nil {
			return err
		}
		return send(ctx, &to, args[0], args[1], payload, wait, &printer{w: std.Out, json: *asJSON, left: n, enough: make(chan struct{})})
	})
	return c
}

// payloadOf is the payload of a value on the command line.
func payloadOf(arg string, in io.Reader) ([]byte, error) {
	text := []byte(arg)
	if arg == "-" {
		var err error
		if text, err = io.ReadAll(in); err != nil {
			return nil, err
		}
	}
	payload, err := jsonvalue.Encode(text)
	if err != nil {
		return nil, command.UsageError{Err: err}
	}
	return payload, nil
}

func send(ctx context.Context, to *target, addr, name string, payload []byte, wait time.Duration, p *printer) error {
	m, err := to.meet(ctx, addr, p.received)
	if err != nil {
		return err
	}
	if err = m.Send(name, payload); err == nil && wait > 0 {
		select {
		case <-time.After(wait):
		case <-p.enough:
		case <-ctx.Done():
		case reason := <-m.Lost():
			err = fmt.Errorf("the conn was lost: %w", reason)
		}
	}
	return errors.Join(err, to.leave(ctx, m))
}

// printer prints packets as they come.
type printer struct {
	w    io.Writer
	json bool

	mu     sync.Mutex
	left   int           // guarded by mu: packets; 0 at the start: no end
	over   bool          // guarded by mu: enough is closed
	enough chan struct{} // closed when so many were printed
}

// received prints a packet.
func (p *printer) received(name string, payload []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	if p.left--; p.left == 0 {
		p.over = true
		defer close(p.enough)
	}
	value, err := jsonvalue.Decode(payload)
	switch {
	case p.json && err == nil:
		printJSON(p.w, map[string]any{"packet": name, "value": json.RawMessage(value)})
	case p.json:
		printJSON(p.w, map[string]any{"packet": name, "error": err.Error()})
	case err == nil:
		fmt.Fprintf(p.w, "%s %s\n", clean(name), clean(string(value)))
	default:
		fmt.Fprintf(p.w, "%s (%d bytes: %v)\n", clean(name), len(payload), err)
	}
}

func newCall(std command.IO) *cobra.Command {
	var to target
	c := &cobra.Command{
		Use:   "call ADDR NAME JSON",
		Short: "call a server and print the answer",
		Long: `Call connects to a server, makes one call, whose ids it learns from the handshake, and prints
the answer as JSON. An error of the server's goes to standard error, with exit code 1.

` + values + "\n\n" + addresses,
		Example: `  packetmq call tcp://localhost:7000 shop:buy '{"Item": "tea"}'`,
		Args:    cobra.ExactArgs(3),
	}
	to.flags(c)
	asJSON := jsonFlag(c, `an object with "answer", or with "error" and its name, text and data`)
	c.RunE = run(func(ctx context.Context, args []string) error {
		question, err := payloadOf(args[2], std.In)
		if err != nil {
			return err
		}
		answer, err := makeCall(ctx, &to, args[0], args[1], question)
		if *asJSON {
			return printAnswer(std.Out, answer, err)
		}
		if err != nil {
			return err
		}
		fmt.Fprintln(std.Out, clean(string(answer)))
		return nil
	})
	return c
}

// makeCall returns the answer as JSON.
func makeCall(ctx context.Context, to *target, addr, name string, question []byte) ([]byte, error) {
	m, err := to.meet(ctx, addr, nil)
	if err != nil {
		return nil, err
	}
	timed, cancel := context.WithTimeout(ctx, to.timeout)
	defer cancel()
	answer, err := m.Call(timed, name, question)
	var text []byte
	if err == nil {
		text, err = jsonvalue.Decode(answer)
	}
	return text, errors.Join(err, to.leave(ctx, m))
}

// answered is a call's end in JSON.
type answered struct {
	Answer json.RawMessage `json:"answer,omitempty"`
	Error  *answeredError  `json:"error,omitempty"`
}

type answeredError struct {
	Name string          `json:"name,omitempty"`
	Text string          `json:"text"`
	Data json.RawMessage `json:"data,omitempty"`
}

// printAnswer prints how a call ended, and returns its error.
func printAnswer(w io.Writer, answer []byte, err error) error {
	a := answered{Answer: answer}
	if err != nil {
		a = answered{Error: &answeredError{Text: err.Error()}}
		if e, ok := errors.AsType[*call.Error](err); ok {
			a.Error.Name, a.Error.Text = e.Name(), e.Text()
			if data := remote.Data(e); data != nil {
				a.Error.Data, _ = jsonvalue.Decode(data) // nil if it cannot be shown
			}
		}
	}
	return errors.Join(err, printJSON(w, a))
}
