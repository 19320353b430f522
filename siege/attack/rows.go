package attack

// The promises, in the order of the table, and how all of them are tried.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// Config says what to try.
type Config struct {
	Server string    // the program that is attacked: it is started with the command serve
	Only   []string  // the names of the rows to try; empty means all
	Quick  bool      // fewer conns and shorter rounds
	Conns  int       // how many the rows log, full and reuse are to see off; 0: some thousands
	Out    io.Writer // gets the table; redrawn in place where it is a terminal

	env []string // of the server, on top of this process's
}

// ErrBroken is returned by Run if a promise was broken, and by Soak if
// something grew.
var ErrBroken = errors.New("not everything is as promised")

// row is a promise and how to try it. Rows of the same wave run side by side.
type row struct {
	name    string
	promise string
	wave    int
	try     func(ctx context.Context, t *trial) error
}

// waves is how many waves there are.
const waves = 23

// rows returns the rows in the order of the table. The last one looks at what the
// others left.
func rows(l *leftovers) []row {
	return []row{
		{"inputs", "no input kills the process", 1, tryInputs},
		{"stall", "a reader that stalls hurts only itself", 2, tryStall},
		{"files", "out of descriptors, it serves on and recovers", 0, tryFiles},
		{"slow", "slow and half clients end at their deadline", 0, trySlow},
		{"flood", "a flood from one does not starve the rest", 3, tryFlood},
		{"busy", "nor does its own work", 4, tryBusy},
		{"ends", "ends are clean, whoever ends", 5, tryEnds},
		{"wrong", "what may not come is refused with a reason", 0, tryWrong},
		{"log", "it says what happened, and no more", 1, tryLog},
		{"full", "nor does it when there is no room", 1, tryFull},
		{"reuse", "no byte reaches a stranger", 1, tryReuse},
		{"idle", "it holds many", 6, tryIdle},
		{"partial", "frames of all conns together are bounded", 7, tryPartial},
		{"beats", "so are heartbeats of clogged conns", 8, tryBeats},
		{"early", "and those before the handshake", 9, tryEarly},
		{"owed", "and what nobody reads", 10, tryOwed},
		{"floods", "hundreds of floods do not starve the rest", 11, tryFloods},
		{"costly", "nor do payloads that are dear to decode", 12, tryCostly},
		{"holders", "silent conns keep no honest one out", 13, tryHolders},
		{"frozen", "a server that stood still ends nobody", 14, tryFrozen},
		{"rush", "many get in at once", 15, tryRush},
		{"mass", "and go at once", 16, tryMass},
		{"joins", "joining and leaving harms nobody", 17, tryJoins},
		{"topics", "a million rooms and topics are bounded", 18, tryTopics},
		{"claims", "nobody takes a session over, or all of them", 19, tryClaims},
		{"upgrades", "WebSocket opens no hole", 20, tryUpgrades},
		{"handover", "half a hand-over leaves the server as it was", 21, tryHandOver},
		{"rest", "afterwards all is as before", 22, l.tryRest},
	}
}

// Names returns the names of the rows.
func Names() (names []string) {
	for _, r := range rows(nil) {
		names = append(names, r.name)
	}
	return names
}

// Check fails if a row is named that does not exist.
func (cfg *Config) Check() error {
	for _, name := range cfg.Only {
		if !slices.Contains(Names(), name) {
			return fmt.Errorf("there is no row %q; there are %v", name, Names())
		}
	}
	return nil
}

// Run tries the rows and shows a line for each. It returns ErrBroken if a promise was
// broken or could not be tried. When ctx is done, it ends the servers and returns
// what it knows by then.
func Run(ctx context.Context, cfg Config) error {
	if err := cfg.Check(); err != nil {
		return err
	}
	l := new(leftovers)
	b := newDisplay(cfg.Out)
	var trials []*trial
	for _, r := range rows(l) {
		if len(cfg.Only) == 0 || slices.Contains(cfg.Only, r.name) {
			t := &trial{row: r, program: cfg.Server, env: cfg.env, quick: cfg.Quick, conns: cfg.Conns, leftovers: l}
			trials = append(trials, t)
			b.lines = append(b.lines, t)
		}
	}
	stop := b.start()
	began := time.Now()
	for wave := range waves {
		var running sync.WaitGroup
		for _, t := range trials {
			if t.wave == wave && ctx.Err() == nil {
				running.Go(func() { t.run(ctx); b.finished(t) })
			}
		}
		running.Wait()
	}
	stop()
	return sum(cfg.Out, trials, time.Since(began), ctx.Err() != nil)
}

// sum writes the summary.
func sum(w io.Writer, trials []*trial, took time.Duration, interrupted bool) error {
	held, bad := 0, 0
	for _, t := range trials {
		switch t.status() {
		case statusHeld:
			held++
		case statusBroken:
			bad++
		}
	}
	fmt.Fprintf(w, "\n%d of %d held, in %v\n", held, len(trials), took.Round(100*time.Millisecond))
	for _, t := range trials {
		for _, what := range t.broken() {
			fmt.Fprintf(w, "\n%s: %s\n", t.name, what)
		}
	}
	if interrupted {
		fmt.Fprintln(w, "interrupted")
	}
	if bad > 0 {
		return ErrBroken
	}
	return nil
}
