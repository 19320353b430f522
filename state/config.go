package state

// Config: the settings of a State.

import "time"

// Defaults of Config and MirrorConfig, and their bounds.
const (
	DefaultHz      = 20        // Config.Hz
	MaxHz          = 1000      // the largest Config.Hz
	DefaultKeys    = 1 << 17   // Config.Keys; MirrorConfig.Keys has twice as many
	DefaultOwed    = 2         // Config.Owed
	DefaultPerTick = 256 << 10 // Config.PerTick, in bytes
	DefaultBytes   = 64 << 20  // MirrorConfig.Bytes
)

// Config has the settings of a State. The zero value means the defaults. A *Config is an
// Option.
type Config struct {
	// Hz is how many ticks a second a reader has: what has changed waits for the next one.
	// Default: 20. At most 1,000.
	Hz float64

	// Keys is how many keys the state may have. One more is a *LimitError.
	// Default: 131,072.
	Keys int

	// Owed is how many ticks a reader may owe acknowledgements for before it is sent
	// nothing more. What a reader gets after a stall is at most so many ticks old. A reader
	// whose round trip is longer than Owed ticks has fewer ticks: Owed in each round trip.
	// Default: 2.
	Owed int

	// PerTick is how many bytes of values a reader is sent in one tick, and one value more.
	// The rest comes in the ticks after it, each key with its newest value by then. Larger,
	// and more waits for a reader that has stalled, Owed times as much at worst; smaller,
	// and a snapshot takes longer.
	// Default: 256 KiB.
	PerTick int
}

// Option is a setting of a State: Hz, or a *Config, which replaces all settings before it.
type Option interface{ apply(c *Config) }

func (c *Config) apply(to *Config) {
	if c != nil {
		*to = *c
	}
}

type hz float64

func (h hz) apply(c *Config) { c.Hz = float64(h) }

// Hz sets how many ticks a second a reader has.
func Hz(n float64) Option { return hz(n) }

// configOf is what options come to, with the defaults.
func configOf(options []Option) (c Config) {
	for _, o := range options {
		if o != nil {
			o.apply(&c)
		}
	}
	if !(c.Hz > 0) { // nor a NaN
		c.Hz = DefaultHz
	}
	c.Hz = min(c.Hz, MaxHz)
	setDefault(&c.Keys, DefaultKeys)
	setDefault(&c.Owed, DefaultOwed)
	setDefault(&c.PerTick, DefaultPerTick)
	return c
}

func setDefault(n *int, fallback int) {
	if *n <= 0 {
		*n = fallback
	}
}

// period is the time from one tick of a reader to its next.
func (c *Config) period() time.Duration { return time.Duration(float64(time.Second) / c.Hz) }
