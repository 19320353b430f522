// Package harness runs the comparison: it starts servers on one CPU, puts a load
// on another on each of them in turn, over and over, and takes down what they
// cost.
//
// It needs Linux: /proc, CPU affinity and the CPU clocks of other processes.
package harness

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/packetmq/packetmq/bench/versus/result"
)

// Config is what to run.
type Config struct {
	Bin      string        // the folder of the programs
	Rounds   int           // of each cell
	Window   time.Duration // that is measured
	Warmup   time.Duration // before it
	Patience time.Duration // for a quiet machine, once others have disturbed a sample
	Nice     int           // of servers and loads
	Idle     int           // conns that are idle
	Procs    int           // GOMAXPROCS of every Go server and caller
	Peers    []Peer
	Modes    []string
	Groups   []string
	Cells    []string   // names of those of Closed, Calls and Rooms; all if empty
	Progress io.Writer  // a line for each sample
	Rand     *rand.Rand // the order of servers
}

// Groups are those of cells, in the order in which they are run: an open loop
// takes a share of what a closed one has found.
func Groups() []string {
	return []string{result.Closed, result.Open, result.Growth, result.Idle, result.Loops, result.Calls, result.Rooms, result.WebSocket, result.Sessions, result.Cluster}
}

// ClosedCells are conns × depth.
func ClosedCells() []result.Cell {
	cell := func(size, conns, depth int) result.Cell {
		return result.Cell{Group: result.Closed, Size: size, Conns: conns, Depth: depth}
	}
	return []result.Cell{
		cell(64, 1, 1), cell(64, 1, 64), cell(64, 64, 1), cell(64, 64, 16), cell(64, 1000, 4),
		cell(1<<10, 64, 16), cell(64<<10, 16, 2),
	}
}

// Capacity is the cell whose throughput is what open loops take a share of.
var Capacity = result.Cell{Group: result.Closed, Size: 64, Conns: 64, Depth: 16}

func openCells() []result.Cell {
	var cells []result.Cell
	for _, share := range []float64{0.3, 0.6, 0.9} {
		cells = append(cells, result.Cell{Group: result.Open, Size: 64, Conns: 64, Share: share})
	}
	return cells
}

func growthCells() []result.Cell {
	var cells []result.Cell
	for _, conns := range []int{1, 64, 1000, 10000} {
		cells = append(cells, result.Cell{Group: result.Growth, Size: 64, Conns: conns, Inflight: 64})
	}
	return cells
}

func loopsCells() []result.Cell {
	var cells []result.Cell
	for _, loops := range []int{1, 2} {
		cells = append(cells, result.Cell{Group: result.Loops, Size: 64, Conns: 64, Depth: 16, Loops: loops})
	}
	return cells
}

func callsCells() []result.Cell {
	var cells []result.Cell
	for _, n := range [][2]int{{1, 1}, {64, 16}} {
		cells = append(cells, result.Cell{Group: result.Calls, Size: 64, Conns: n[0], Depth: n[1]})
	}
	return cells
}

// RoomsCells are members × packets under way to all of them.
func RoomsCells() []result.Cell {
	cell := func(size, depth int) result.Cell {
		return result.Cell{Group: result.Rooms, Size: size, Conns: 1000, Depth: depth}
	}
	return []result.Cell{cell(64, 1), cell(1<<10, 1), cell(64, 16)}
}

// NamedCells are those of the groups that have cells of their own names.
func NamedCells() []result.Cell { return append(RoomsCells(), clusterCells()...) }

func webSocketCells() []result.Cell {
	var cells []result.Cell
	for _, n := range [][2]int{{64, 1}, {64, 16}, {1000, 4}} {
		cells = append(cells, result.Cell{Group: result.WebSocket, Size: 64, Conns: n[0], Depth: n[1]})
	}
	return cells
}

// cutSessions is how many sessions have their conns cut at once: as many as a process can have
// conns where it may have 20,000 descriptors, with some room.
const cutSessions = 10000

func sessionsCells() []result.Cell {
	cell := func(conns, depth int) result.Cell {
		return result.Cell{Group: result.Sessions, Size: 64, Conns: conns, Depth: depth}
	}
	return []result.Cell{cell(64, 1), cell(64, 16), {Group: result.Sessions, Conns: cutSessions, Cut: true}}
}

// roomMembers is how many members the room of a cluster has.
const roomMembers = 3000

func clusterCells() []result.Cell {
	cell := func(way string, conns, depth int) result.Cell {
		return result.Cell{Group: result.Cluster, Way: way, Size: 64, Conns: conns, Depth: depth}
	}
	return []result.Cell{
		cell(result.ToUser, 1, 1), cell(result.ToUser, 1, 64), cell(result.ToUser, 16, 16),
		cell(result.ToNode, 1, 1), cell(result.ToNode, 1, 64),
		cell(result.ToRoom, roomMembers, 1), {Group: result.Cluster, Way: result.AtRest},
	}
}

// ways are what a cluster's modes do.
var ways = map[string]string{"user": result.ToUser, "ask": result.ToNode, "across": result.ToRoom, "alone": result.ToRoom, "still": result.AtRest}

// Run takes all samples. When ctx is done it returns those that there are.
func Run(ctx context.Context, cfg *Config) []result.Sample {
	var samples []result.Sample
	for _, group := range Groups() {
		if !slices.Contains(cfg.Groups, group) {
			continue
		}
		if group == result.Loops { // which are compared with one another
			samples = cfg.rounds(ctx, cfg.cells(group), samples)
			continue
		}
		for _, cell := range cfg.cells(group) {
			samples = cfg.rounds(ctx, []result.Cell{cell}, samples)
		}
	}
	return samples
}

func (cfg *Config) cells(group string) []result.Cell {
	switch group {
	case result.Open:
		return openCells()
	case result.Growth:
		return growthCells()
	case result.Loops:
		return loopsCells()
	case result.Calls:
		return cfg.named(callsCells())
	case result.WebSocket:
		return cfg.named(webSocketCells())
	case result.Rooms:
		return cfg.named(RoomsCells())
	case result.Sessions:
		return cfg.named(sessionsCells())
	case result.Cluster:
		return cfg.named(clusterCells())
	case result.Idle:
		return []result.Cell{{Group: result.Idle, Conns: cfg.Idle}}
	}
	return cfg.named(ClosedCells())
}

// named are those of cells that the run is to have.
func (cfg *Config) named(cells []result.Cell) []result.Cell {
	return slices.DeleteFunc(cells, func(c result.Cell) bool {
		return len(cfg.Cells) > 0 && !slices.Contains(cfg.Cells, c.Name())
	})
}

// rounds starts all servers and puts each under the load of cells of one group,
// in another order each round, so that what happens to the machine meanwhile
// happens to all, and samples of one round are seconds apart.
func (cfg *Config) rounds(ctx context.Context, cells []result.Cell, samples []result.Sample) []result.Sample {
	rounds := cfg.Rounds
	switch {
	case cells[0].Group == result.Growth || cells[0].Cut || cells[0].Way == result.ToRoom: // which takes long to connect
		rounds = (rounds + 2) / 3
	case cells[0].Group == result.Idle: // which is not a matter of time
		rounds = 1
	case cells[0].Way == result.AtRest:
		rounds = min(rounds, restRounds)
	}
	trials, servers := cfg.trials(cells, samples)
	defer stopAll(servers)
	for _, s := range servers {
		_ = s.up(ctx) // what is wrong shows in the first round
	}
	quiet := false
	for round := range rounds {
		cfg.Rand.Shuffle(len(trials), func(i, j int) { trials[i], trials[j] = trials[j], trials[i] })
		for i := range trials {
			if !quiet {
				waitForQuiet(ctx, cfg.Patience)
			}
			sample := trials[i].run(ctx)
			if ctx.Err() != nil {
				return samples
			}
			quiet = sample.Noise <= result.Quiet
			sample.Round = round
			samples = append(samples, sample)
			cfg.tell(&sample)
		}
	}
	return samples
}

// trials are all servers of a group, each under the load of each cell. Cells
// have servers of their own.
func (cfg *Config) trials(cells []result.Cell, samples []result.Sample) (trials []trial, servers []*server) {
	group := cells[0].Group
	for _, s := range cfg.subjects(group) {
		for _, cell := range cells {
			if cell.Cut && s.mode != "session" {
				continue // nothing of it comes back
			}
			if cell.Way != "" && cell.Way != ways[s.mode] {
				continue
			}
			t := trial{server: &server{Config: cfg, subject: s, group: group, loops: cell.Loops, shares: group == result.Loops || group == result.Cluster}, cell: cell}
			if cell.Share > 0 {
				t.rate = cell.Share * capacity(samples, s.key())
			}
			if cell.Share > 0 && t.rate < 1 {
				continue // nobody knows what it can do
			}
			trials = append(trials, t)
			servers = append(servers, t.server)
		}
	}
	return trials, servers
}

// subjects are the servers of a group, in the modes that are looked at there.
func (cfg *Config) subjects(group string) []subject {
	var subjects []subject
	for _, p := range cfg.Peers {
		for _, mode := range p.in(group) {
			if slices.Contains(cfg.Modes, mode) {
				subjects = append(subjects, subject{p, mode})
			}
		}
	}
	return subjects
}

func capacity(samples []result.Sample, s result.Subject) float64 {
	t := result.NewTable(&result.File{Samples: samples})
	return t.Of(s, Capacity, (*result.Sample).Throughput).Median
}

func (cfg *Config) tell(s *result.Sample) {
	if s.Failure != "" {
		fmt.Fprintf(cfg.Progress, "%-16s %-14s %s\n", s.Subject, s.Cell.Name(), s.Failure)
		return
	}
	if s.Cell.Group == result.Idle {
		fmt.Fprintf(cfg.Progress, "%-16s %-14s %8.0f B RSS %8.0f B heap a conn\n", s.Subject, s.Cell.Name(), s.RSS, s.Heap)
		return
	}
	if s.Cell.Way == result.AtRest {
		fmt.Fprintf(cfg.Progress, "%-16s %-14s %8.2f %% of a CPU %8.1f MiB RSS a node\n", s.Subject, s.Cell.Name(), 100*s.ServerUse()/float64(s.Conns), s.RSS/(1<<20))
		return
	}
	mark := ""
	if s.Noise > result.Quiet {
		mark = fmt.Sprintf("  not quiet: %.0f %%", 100*s.Noise)
	}
	fmt.Fprintf(cfg.Progress, "%-16s %-14s %8.0f ns/packet %9.0f packets/s  p50 %6.0f µs  server %3.0f %% load %3.0f %%%s\n",
		s.Subject, s.Cell.Name(), s.PerPacket(), s.Throughput(), float64(s.P50)/1e3, 100*s.ServerUse(), 100*s.LoadUse(), mark)
}
