// Package result is what a run of the comparison has found: samples, the
// statistics of them, and the file that holds them.
//
// A file has one JSON object a line: first the machine, then samples in the
// order in which they were taken.
package result

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Machine is where, when and on what a run was made.
type Machine struct {
	CPU        string    `json:"cpu"`
	CPUs       int       `json:"cpus"`
	Kernel     string    `json:"kernel"`
	Go         string    `json:"go"`
	CC         string    `json:"cc"`
	GOMAXPROCS int       `json:"gomaxprocs"` // of every Go server
	Commit     string    `json:"commit"`     // with "+" if something was not committed
	Command    string    `json:"command"`
	Date       time.Time `json:"date"`
	Window     string    `json:"window"`
	Rounds     int       `json:"rounds"`
	Cut        bool      `json:"cut,omitempty"` // the run was interrupted
}

// The groups that cells are in.
const (
	Closed = "closed" // conns × depth
	Open   = "open"   // a fixed rate, a share of the server's own capacity
	Growth = "growth" // the same number of packets under way on more conns
	Idle   = "idle"   // memory of conns that do nothing
	Loops  = "loops"  // several event loops, with nothing bound to a CPU
	Calls  = "calls"  // conns × calls under way, a struct each way
	Rooms  = "rooms"  // members × packets under way to all of them

	WebSocket = "websocket" // conns × depth, over WebSocket
	Sessions  = "sessions"  // conns × depth of packets that are kept, and conns that are all cut
	Cluster   = "cluster"   // what nodes do together, each a process of its own
)

// Ways are what a cell of Cluster is about.
const (
	ToUser = "user" // a packet from a client at one node to a client at another
	ToNode = "call" // a question from one node to another and its answer
	ToRoom = "room" // a packet to members at all nodes
	AtRest = "rest" // nothing happens
)

// Cell is one load.
type Cell struct {
	Group    string  `json:"group"`
	Size     int     `json:"size,omitempty"` // bytes of a payload
	Conns    int     `json:"conns"`
	Depth    int     `json:"depth,omitempty"`    // packets under way on each conn
	Inflight int     `json:"inflight,omitempty"` // packets under way on all conns together
	Share    float64 `json:"share,omitempty"`    // of the capacity at 64 B 64×16
	Loops    int     `json:"loops,omitempty"`    // of the server
	Cut      bool    `json:"cut,omitempty"`      // all conns are cut at once
	Way      string  `json:"way,omitempty"`      // of Cluster
}

// Name is the cell as people write it, without its group.
func (c Cell) Name() string {
	if c.Cut {
		return fmt.Sprintf("%d cut", c.Conns)
	}
	switch c.Way {
	case ToUser, ToNode:
		return fmt.Sprintf("%s %d×%d", c.Way, c.Conns, c.Depth)
	case ToRoom:
		return fmt.Sprintf("room of %d", c.Conns)
	case AtRest:
		return "at rest"
	}
	switch c.Group {
	case Open:
		return fmt.Sprintf("%.0f%%", 100*c.Share)
	case Growth:
		return fmt.Sprintf("%d conns", c.Conns)
	case Idle:
		return fmt.Sprintf("%d idle", c.Conns)
	case Loops:
		return fmt.Sprintf("loops %d", c.Loops)
	}
	size := fmt.Sprintf("%d B", c.Size)
	if c.Size >= 1<<10 && c.Size%(1<<10) == 0 {
		size = fmt.Sprintf("%d KiB", c.Size>>10)
	}
	return fmt.Sprintf("%s %d×%d", size, c.Conns, c.Depth)
}

// Subject is a server in one of its modes.
type Subject struct {
	Peer string `json:"peer"`
	Mode string `json:"mode"`
}

func (s Subject) String() string {
	if s.Mode == "raw" {
		return s.Peer
	}
	return s.Peer + " " + s.Mode
}

// Load is what a load tells when it ends. Durations are in nanoseconds.
type Load struct {
	Packets uint64  `json:"packets"`
	Seconds float64 `json:"seconds"`
	Errors  uint64  `json:"errors"`
	CPU     int64   `json:"cpu_ns"` // of the load itself
	// ServerCPU is that of the server's processes meanwhile.
	ServerCPU int64 `json:"server_cpu_ns"`
	// Allocs are the objects that a load in Go has allocated, itself and its library.
	Allocs uint64  `json:"allocs,omitempty"`
	P50    int64   `json:"p50"`
	P90    int64   `json:"p90"`
	P99    int64   `json:"p99"`
	P999   int64   `json:"p999"`
	Max    int64   `json:"max"`
	Conns  int     `json:"conns"`
	Rate   float64 `json:"rate"` // that was asked for; 0 in a closed loop
	// Crossed is how many packets for a room one node has sent to others, and Said how many it was
	// given.
	Crossed uint64 `json:"crossed,omitempty"`
	Said    uint64 `json:"said,omitempty"`
}

// Sample is one server under one load in one round.
type Sample struct {
	Subject
	Cell  Cell `json:"cell"`
	Round int  `json:"round"`
	Load
	// Noise is the share of the machine that was used by others, stolen time
	// included.
	Noise float64 `json:"noise"`
	// Memory of the server per idle conn, in bytes: the whole process, and what
	// Go's heap and stacks have in use.
	RSS  float64 `json:"rss,omitempty"`
	Heap float64 `json:"heap,omitempty"`
	// Failure says why there are no figures.
	Failure string `json:"failure,omitempty"`
}

// Quiet is the most noise with which a sample is not marked.
const Quiet = 0.10

// PerPacket is the server's CPU time for a packet, in nanoseconds.
func (s *Sample) PerPacket() float64 { return float64(s.ServerCPU) / float64(s.Packets) }

// TotalPerPacket is the CPU time of server and load for a packet, in nanoseconds.
func (s *Sample) TotalPerPacket() float64 { return float64(s.ServerCPU+s.CPU) / float64(s.Packets) }

// CrossedPerPacket is to how many other nodes a packet for a room was sent.
func (s *Sample) CrossedPerPacket() float64 { return float64(s.Crossed) / float64(s.Said) }

// Throughput is in packets a second.
func (s *Sample) Throughput() float64 { return float64(s.Packets) / s.Seconds }

// ServerUse is the share of a CPU that the server had.
func (s *Sample) ServerUse() float64 { return float64(s.ServerCPU) / 1e9 / s.Seconds }

// LoadUse is the share of a CPU that the load had.
func (s *Sample) LoadUse() float64 { return float64(s.CPU) / 1e9 / s.Seconds }

// LoadAllocs is how many objects the load allocated for a packet.
func (s *Sample) LoadAllocs() float64 { return float64(s.Allocs) / float64(s.Packets) }

// File is a run.
type File struct {
	Machine Machine
	Samples []Sample
}

// Write writes f as lines.
func (f *File) Write(w io.Writer) error {
	b := bufio.NewWriter(w)
	enc := json.NewEncoder(b)
	if err := enc.Encode(&f.Machine); err != nil {
		return err
	}
	for i := range f.Samples {
		if err := enc.Encode(&f.Samples[i]); err != nil {
			return err
		}
	}
	return b.Flush()
}

// Read reads what Write has written. An unknown field is an error, and so is a
// file without a machine.
func Read(r io.Reader) (*File, error) {
	f := new(File)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		into := any(&f.Machine)
		if n > 1 {
			f.Samples = append(f.Samples, Sample{})
			into = &f.Samples[len(f.Samples)-1]
		}
		dec := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		dec.DisallowUnknownFields()
		if err := dec.Decode(into); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if f.Machine.Date.IsZero() {
		return nil, fmt.Errorf("no run: %w", io.ErrUnexpectedEOF)
	}
	return f, nil
}
