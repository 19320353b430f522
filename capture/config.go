package capture

// Config, and what it means where nothing is set.

import (
	"log/slog"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// Defaults of Config.
const (
	DefaultBuffer   = 4 << 20
	DefaultMaxBytes = 1 << 30
)

// Keep is what is kept of the output.
type Keep int

// What is kept of the output.
const (
	KeepBytes Keep = iota // all of it: Dump, Wireshark and a failed Replay can show packets
	KeepSums              // a checksum: a Replay can tell that the output differs, and where to some KiB
	KeepNone              // nothing: a Replay compares nothing
)

// Config sets up a Recorder. The zero value means the defaults.
type Config struct {
	// Conns chooses the conns that are captured. It is called when a conn is opened, on its
	// loop. Default: all of them.
	Conns func(c *engine.Conn) bool

	// Output is what is kept of the output. Default: KeepBytes.
	Output Keep

	// Registry has the packets whose Go types say, by the tag `packetmq:"secret"`, which
	// fields are cut out. It must be whole when New is called. Default: only tokens and the secrets of
	// sessions are cut out.
	Registry *registry.Registry

	// Buffer is how many bytes of records may wait for the writer, for each loop, rounded up
	// to a power of two. Records for which there is no room are dropped. Default: 4 MiB.
	Buffer int

	// MaxBytes bounds the file, or each file where the writer is a Rotator, in bytes. At it the
	// capture ends, or goes on in the next file. Only a record that is longer by itself goes over it. Default: 1 GiB.
	MaxBytes int64

	// Logger is told when the capture ends by itself. Default: silence.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Buffer <= 0 {
		c.Buffer = DefaultBuffer
	}
	c.Buffer = min(max(c.Buffer, minBuffer), maxBuffer)
	if c.MaxBytes <= 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

const (
	minBuffer = 64 << 10
	maxBuffer = 1 << 30
)

// Rotator is a writer that can go on in another file. Files is one.
type Rotator interface {
	// Rotate ends the file that is being written. The next Write begins a new one.
	Rotate() error
}
