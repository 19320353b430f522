package caller

import (
	"errors"
	"flag"
	"fmt"
	"strconv"
	"time"

	"github.com/packetmq/packetmq/bench/versus/result"
)

// Config is what a load is to do.
type Config struct {
	Addr     string        // of the server, host:port
	Conns    int           // at least 1
	Depth    int           // packets under way on each; 0 sends nothing
	Inflight int           // packets under way on all together, each on the next conn, in place of Depth
	Size     int           // of a payload, in bytes; at least MinSize
	Rate     float64       // packets a second on all conns together; 0 means a closed loop, of Depth or Inflight
	Warmup   time.Duration // how long a load goes before the one that counts; 0 means none
	Duration time.Duration // of the load that counts
	Patience time.Duration // for the last replies; 0 means 5 s
	Servers  []int         // processes of which it tells the CPU time that they had meanwhile

	// Ready is called when all conns are up, warm and idle, and the load
	// begins when it returns. Nil means at once.
	Ready func() error

	// Done is called with the result while all conns are still up: closing them
	// is work that nobody should count. Nil means nothing.
	Done func(*Result) error
}

const patience = 5 * time.Second

// Flags defines those of a load.
func (cfg *Config) Flags(fs *flag.FlagSet) {
	fs.StringVar(&cfg.Addr, "connect", "", "`HOST:PORT` of the server")
	fs.IntVar(&cfg.Conns, "conns", 1, "connections")
	fs.IntVar(&cfg.Depth, "depth", 1, "packets under way on each")
	fs.IntVar(&cfg.Inflight, "inflight", 0, "packets under way on all together, in place of --depth")
	fs.IntVar(&cfg.Size, "size", 64, "bytes of a payload")
	fs.Float64Var(&cfg.Rate, "rate", 0, "packets a second in all, whatever comes back; 0 keeps --depth under way on each connection")
	fs.DurationVar(&cfg.Warmup, "warmup", 100*time.Millisecond, "how long to go before what counts")
	fs.DurationVar(&cfg.Duration, "duration", time.Second, "how long")
	fs.Func("pid", "a process of the server, of which to tell the CPU time; may be given several times", func(s string) error {
		pid, err := strconv.Atoi(s)
		cfg.Servers = append(cfg.Servers, pid)
		return err
	})
}

func (cfg *Config) check() error {
	switch {
	case cfg.Addr == "":
		return errors.New("caller: no address to connect to")
	case cfg.Conns < 1:
		return fmt.Errorf("caller: %d conns: want at least 1", cfg.Conns)
	case cfg.Depth < 0:
		return fmt.Errorf("caller: depth %d: want 0 or more", cfg.Depth)
	case cfg.Inflight < 0:
		return fmt.Errorf("caller: %d in flight: want 0 or more", cfg.Inflight)
	case cfg.Inflight > 0 && cfg.Rate > 0:
		return errors.New("caller: an open loop has no number of packets in flight")
	case cfg.Size < MinSize:
		return fmt.Errorf("caller: size %d: want at least %d", cfg.Size, MinSize)
	case cfg.Rate < 0:
		return fmt.Errorf("caller: rate %g: want 0 or more", cfg.Rate)
	case cfg.Duration <= 0:
		return fmt.Errorf("caller: duration %v: want more than none", cfg.Duration)
	}
	return nil
}

// An open loop has room for so many packets on all conns that are late, and for
// so many calls under way.
const (
	openRoom  = 1 << 20
	openCalls = 1 << 10
)

// callers is how many goroutines make the calls of one conn.
func (cfg *Config) callers() int {
	n := max(cfg.Depth, 1)
	if cfg.Rate > 0 {
		n = max(n, openCalls/cfg.Conns)
	}
	return max(n, (cfg.Inflight+cfg.Conns-1)/cfg.Conns)
}

// room is how many packets may wait for one conn.
func (cfg *Config) room() int {
	if cfg.Rate > 0 {
		return max(16, openRoom/cfg.Conns)
	}
	return max(cfg.Depth, cfg.Inflight)
}

// Result is what a load came to.
type Result struct {
	result.Load
	Problem string `json:"problem,omitempty"` // the first of the errors
}
