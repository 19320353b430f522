package main

// The command ping: what a server tells of itself, how far away it is, and how its packets
// differ from those of a program.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/packetmq/packetmq/cmd/packetmq/internal/remote"
	"github.com/packetmq/packetmq/cmd/packetmq/internal/schema"
	"github.com/packetmq/packetmq/internal/command"
)

// errDiffers is returned where the packets differ so that conns do not work.
var errDiffers = errors.New("the packets differ")

// pingResult is what ping prints.
type pingResult struct {
	Addr         string              `json:"addr"`
	Connect      float64             `json:"connect"`          // seconds until the handshake was done
	RTT          []float64           `json:"rtt"`              // of each heartbeat, in seconds
	NoRTT        string              `json:"no_rtt,omitempty"` // why there are none
	*remote.Told                     // what the server tells of itself
	Differences  []remote.Difference `json:"differences,omitempty"`
}

func newPing(std command.IO) *cobra.Command {
	var to target
	var against string
	var n int
	var interval time.Duration
	c := &cobra.Command{
		Use:   "ping ADDR",
		Short: "show what a server tells of itself, and how long it takes to answer",
		Long: `Ping connects to a server, shows the packets and the features that it tells in the handshake,
and measures round trips by heartbeats. With --against it compares the packets with those of a
program, and fails if the two cannot work together.

` + addresses,
		Example: "  packetmq ping tcp://localhost:7000\n  packetmq ping wss://example.org/game --against ./proto -n 0",
		Args:    cobra.ExactArgs(1),
	}
	to.flags(c)
	c.Flags().IntVarP(&n, "count", "n", 3, "how many round trips are measured")
	c.Flags().DurationVarP(&interval, "interval", "i", 200*time.Millisecond, "the time between two of them")
	c.Flags().StringVar(&against, "against", "", "the `PACKETS` of a program: a pattern of Go packages, or a file that ends in .json, as gen json writes it and ping --json prints it")
	asJSON := jsonFlag(c, "one object, times in seconds")
	c.RunE = run(func(ctx context.Context, args []string) error {
		if n < 0 || interval < 0 {
			return command.Usagef("--count and --interval cannot be below 0")
		}
		var ours []remote.Packet
		if against != "" {
			var err error
			if ours, err = packetsAgainst(against); err != nil {
				return err
			}
		}
		r, err := ping(ctx, &to, args[0], n, interval)
		if err != nil {
			return err
		}
		if against != "" {
			r.Differences = remote.Differences(ours, r.Packets)
		}
		if *asJSON {
			err = printJSON(std.Out, r)
		} else {
			r.print(std.Out)
		}
		if slices.ContainsFunc(r.Differences, func(d remote.Difference) bool { return !d.Adapted }) {
			return errDiffers
		}
		return err
	})
	return c
}

// ping meets the server and measures n round trips.
func ping(ctx context.Context, to *target, addr string, n int, interval time.Duration) (*pingResult, error) {
	m, err := to.meet(ctx, addr, nil)
	if err != nil {
		return nil, err
	}
	r := &pingResult{Addr: addr, Connect: m.Took().Seconds(), RTT: []float64{}, Told: m.told}
	for i := range n {
		if i > 0 {
			select {
			case <-time.After(interval):
			case <-ctx.Done():
				return r, to.leave(ctx, m)
			}
		}
		rtt, err := pingOnce(ctx, to, m)
		if err != nil {
			r.NoRTT = err.Error()
			break
		}
		r.RTT = append(r.RTT, rtt.Seconds())
	}
	return r, to.leave(ctx, m)
}

func pingOnce(ctx context.Context, to *target, m meeting) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, to.timeout)
	defer cancel()
	rtt, err := m.Ping(ctx)
	return rtt, noTime(err, to.timeout)
}

// print prints the result for people.
func (r *pingResult) print(w io.Writer) {
	ids := "insists on its ids"
	if r.Adapts {
		ids = "takes over ids"
	}
	fmt.Fprintf(w, "%s speaks version %d and %s; connected in %s\n", r.Addr, r.Version, ids, milliseconds(r.Connect))
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "  %-10s%s\n", name, value)
		}
	}
	line("program", clean(r.Program))
	line("features", strings.Join(r.Features, ", "))
	if r.MaxFrame > 0 {
		line("frames", fmt.Sprintf("up to %d bytes", r.MaxFrame))
	}
	if r.Auth {
		line("token", "is asked for")
	}
	line("packets", fmt.Sprint(len(r.Packets)))
	for _, p := range r.Packets {
		note := ""
		if p.Optional {
			note = "  (optional)"
		}
		fmt.Fprintf(w, "    %5d  %s%s\n", p.ID, clean(p.Name), note)
	}
	for _, d := range r.Differences {
		mark := "differs"
		if d.Adapted {
			mark = "adapted"
		}
		fmt.Fprintf(w, "  %s  %s: %s\n", mark, clean(d.Packet), d.What)
	}
	r.printRTT(w)
}

func (r *pingResult) printRTT(w io.Writer) {
	if r.NoRTT != "" {
		fmt.Fprintf(w, "no round trip: %s\n", r.NoRTT)
	}
	if len(r.RTT) == 0 {
		return
	}
	sum := 0.0
	for _, s := range r.RTT {
		sum += s
	}
	fmt.Fprintf(w, "%d round trips: %s least, %s mean, %s most\n", len(r.RTT), milliseconds(slices.Min(r.RTT)),
		milliseconds(sum/float64(len(r.RTT))), milliseconds(slices.Max(r.RTT)))
}

func milliseconds(s float64) string { return fmt.Sprintf("%.3f ms", s*1e3) }

// clean is text of another side's without what a terminal would obey.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, text)
}

// cleanLines is clean for text of several lines.
func cleanLines(text string) string {
	lines := strings.Split(strings.ReplaceAll(text, "\t", "    "), "\n")
	for i := range lines {
		lines[i] = clean(lines[i])
	}
	return strings.Join(lines, "\n")
}

// packetsAgainst are the packets of a program: of Go packages, or of a file of JSON.
func packetsAgainst(against string) ([]remote.Packet, error) {
	if strings.HasSuffix(against, ".json") {
		return packetsOfFile(against)
	}
	set, err := schema.Read("", against)
	if err != nil {
		return nil, err
	}
	return packetsOf(set), nil
}

// packetsOf are the packets of a registry that has all of a set.
func packetsOf(set *schema.Set) (list []remote.Packet) {
	for _, e := range set.Entries() {
		p := remote.Packet{Name: e.Name, ID: e.ID, Optional: e.Optional}
		if e.Type != nil {
			p.Shape = e.Type.ShapeHash()
		}
		list = append(list, p)
	}
	return list
}

func packetsOfFile(file string) ([]remote.Packet, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var told remote.Told
	if err := json.Unmarshal(b, &told); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(told.Packets) == 0 {
		return nil, fmt.Errorf("%s: there are no packets in it", file)
	}
	return told.Packets, nil
}
