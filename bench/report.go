package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/packetmq/packetmq/internal/figures"
)

// reporter is told how a load goes.
type reporter interface {
	ready(conns int) // the traffic begins
	sample(s sample) // once a second
	result(r result) // it is over
}

// quietly prints the result, for people.
type quietly struct{ w io.Writer }

func (quietly) ready(int)     {}
func (quietly) sample(sample) {}

func (q quietly) result(r result) {
	fmt.Fprintf(q.w, "\nafter %s:\n\n", elapsed(r.At))
	table(q.w, [][]string{header(), r.row("clients", r.rate())})
}

// lively prints a line a second too.
type lively struct {
	quietly
	cfg *loadConfig
}

func (l lively) ready(conns int) {
	fmt.Fprintf(l.w, "%s to %v, %s of %s under way on each\n", figures.Plural(conns, "conn"), &l.cfg.connect,
		figures.Plural(l.cfg.depth, "packet"), figures.Plural(l.cfg.size, "byte"))
}

func (l lively) sample(s sample) {
	fmt.Fprintln(l.w, s.live(figures.Plural(s.Conns, "conn"), ""))
}

// message is one line of what a load with --json prints; one of its fields is
// set.
type message struct {
	Ready  *ready  `json:"ready,omitempty"`
	Sample *sample `json:"sample,omitempty"`
	Result *result `json:"result,omitempty"`
}

type ready struct {
	Conns int `json:"conns"`
}

// machine prints messages, for programs.
type machine struct{ *json.Encoder }

func (m machine) ready(conns int) { m.Encode(message{Ready: &ready{conns}}) }
func (m machine) sample(s sample) { m.Encode(message{Sample: &s}) }
func (m machine) result(r result) { m.Encode(message{Result: &r}) }
