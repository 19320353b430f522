package restart

// Config, and what is handed over: listeners and states.

import (
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/packetmq/packetmq/engine"
)

// Defaults of Config.
const (
	DefaultTime     = 30 * time.Second
	DefaultMaxState = 256 << 20
)

// Config says how processes hand over to each other. The old and the new one need the same
// Path, and states of the same names.
type Config struct {
	// Path is the Unix socket at which a process offers to hand over. Nobody but this user
	// should be able to write into its directory. Default: none; it is needed.
	Path string

	// States are handed over beside the listeners, in this order. Default: none.
	States []State

	// Time bounds a hand-over, from the first word to the last, with Export and Import.
	// Nothing is accepted during a part of it. Default: 30 s.
	Time time.Duration

	// MaxState bounds each state, in bytes. A larger one ends the hand-over, and the old
	// process goes on. Default: 256 MiB.
	MaxState int

	// Logger is told of hand-overs and why they fail. Default: silence.
	Logger *slog.Logger
}

// State is something of the program's, in memory, that the new process goes on with: sessions,
// for one. Its functions are called on a goroutine of the hand-over's, or on that of Take.
type State struct {
	// Name is the same in both processes: at most MaxName bytes of printable ASCII.
	Name string

	// Export is called in the old process when nothing more is accepted. From its return on
	// the state must not change: what changes would be lost. An error ends the hand-over.
	// Default: none; it is needed for Offer.
	Export func() ([]byte, error)

	// Resume is called in the old process if the hand-over fails after Export was called: the
	// state may change again. Default: nothing is called.
	Resume func()

	// Import is called in the new process with what Export has returned. An error ends the
	// hand-over. Default: none; it is needed for Take.
	Import func(b []byte) error
}

// Listener is a listener of a server with a name, under which the new process finds it.
type Listener struct {
	Name string
	*engine.Listener
}

// Socket is a listening socket that another process has given to this one.
type Socket struct {
	Name string
	net.Listener
}

func (c *Config) withDefaults() (Config, error) {
	d := *c
	if d.Time <= 0 {
		d.Time = DefaultTime
	}
	if d.MaxState <= 0 {
		d.MaxState = DefaultMaxState
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	if len(d.States) > MaxStates {
		return d, fmt.Errorf("restart: %d states, at most %d are handed over", len(d.States), MaxStates)
	}
	names := make([]string, len(d.States))
	for i, s := range d.States {
		names[i] = s.Name
	}
	return d, checkNames(names)
}

// checkNames returns a *NameError for the first name that cannot be.
func checkNames(names []string) error {
	seen := make(map[string]bool)
	for _, name := range names {
		if why := whyNoName(name); why != "" {
			return &NameError{name[:min(len(name), MaxName)], why}
		}
		if seen[name] {
			return &NameError{name, "it is given twice"}
		}
		seen[name] = true
	}
	return nil
}

// whyNoName says why name cannot be one. The characters are those of LISTEN_FDNAMES.
func whyNoName(name string) string {
	switch {
	case name == "":
		return "it is empty"
	case len(name) > MaxName:
		return fmt.Sprintf("it has more than %d bytes", MaxName)
	}
	for _, b := range []byte(name) {
		if b < ' ' || b > '~' || b == ':' {
			return "it has a colon, or a character that is no printable ASCII"
		}
	}
	return ""
}

func namesOf(listeners []Listener) []string {
	names := make([]string, len(listeners))
	for i, l := range listeners {
		names[i] = l.Name
	}
	return names
}
