package bench

// What --capture of serve does: the cost of a capture is that of a server with it, beside one
// without.

import (
	"fmt"
	"io"
	"os"

	"github.com/packetmq/packetmq/capture"
	"github.com/packetmq/packetmq/engine"
)

// captureInto has all that enters the loops of a reactor with cfg captured into a file. end is
// called after the reactor has closed, and tells what was captured.
func captureInto(file string, sums bool, cfg *engine.Config) (end func(log io.Writer), err error) {
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	c := capture.Config{MaxBytes: 1 << 40}
	if sums {
		c.Output = capture.KeepSums
	}
	rec := capture.New(f, c)
	cfg.Tap = rec
	return func(log io.Writer) {
		rec.Close()
		f.Close()
		s := rec.Stats()
		fmt.Fprintf(log, "captured %d records, %d bytes; dropped %d; %v\n", s.Records, s.Bytes, s.Dropped, s.Err)
	}, nil
}
