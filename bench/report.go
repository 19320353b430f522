package bench

// How a load tells what happens: as lines for people or as JSON for programs.

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

// summaryReporter prints the result, for people.
type summaryReporter struct{ w io.Writer }

func (summaryReporter) ready(int)     {}
func (summaryReporter) sample(sample) {}

func (q summaryReporter) result(r result) {
	fmt.Fprintf(q.w, "\nafter %s:\n\n", elapsed(r.At))
	table(q.w, [][]string{header(), r.row("clients", r.rate())})
}

// liveReporter prints a line each second as well.
type liveReporter struct {
	summaryReporter
	cfg *loadConfig
}

func (l liveReporter) ready(conns int) {
	fmt.Fprintf(l.w, "%s to %v, %s of %s under way on each\n", figures.Plural(conns, "conn"), &l.cfg.connect,
		figures.Plural(l.cfg.depth, "packet"), figures.Plural(l.cfg.size, "byte"))
}

func (l liveReporter) sample(s sample) {
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

// jsonReporter prints messages, for programs.
type jsonReporter struct{ *json.Encoder }

func (m jsonReporter) ready(conns int) { m.Encode(message{Ready: &ready{conns}}) }
func (m jsonReporter) sample(s sample) { m.Encode(message{Sample: &s}) }
func (m jsonReporter) result(r result) { m.Encode(message{Result: &r}) }
