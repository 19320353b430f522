package harness

// One server under one load, measured once.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetmq/packetmq/bench/versus/result"
)

// cpus are those of the server and of the load: the first two that this process
// may use, one for each, or both for both.
func cpus(both bool) (server, load []int, err error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, nil, err
	}
	var usable []int
	for cpu := 0; len(usable) < min(2, set.Count()); cpu++ {
		if set.IsSet(cpu) {
			usable = append(usable, cpu)
		}
	}
	if both {
		return usable, usable, nil
	}
	return usable[:1], usable[len(usable)-1:], nil
}

// trial is one server under one load.
type trial struct {
	*server
	cell result.Cell
	rate float64
}

// run measures once. What goes wrong is in the sample, and ends the server.
func (t *trial) run(ctx context.Context) result.Sample {
	s := result.Sample{Subject: t.key(), Cell: t.cell}
	err := t.up(ctx)
	if err == nil {
		if err = t.measure(ctx, &s); err != nil {
			err = t.down(err)
		} else {
			t.failed = 0
		}
	}
	if err != nil {
		s.Failure = err.Error()
	}
	return s
}

func (t *trial) measure(ctx context.Context, s *result.Sample) error {
	_, on, err := cpus(t.shares)
	if err != nil {
		return err
	}
	if t.cell.Way == result.AtRest {
		return t.rest(ctx, s)
	}
	var before memory
	if t.cell.Group == result.Idle {
		if before, err = memoryOf(ctx, t.process, !t.foreign); err != nil {
			return err
		}
	}
	load, err := start(on, t.Nice, t.env(), t.load()...)
	if err != nil {
		return err
	}
	defer t.settle(ctx)
	defer load.stop()
	if line, err := load.line(ctx, patience); err != nil || line != "ready" {
		return fmt.Errorf("load: %q %w", line, errors.Join(err, errNotReady(line)))
	}
	if t.cell.Group == result.Idle {
		after, err := memoryOf(ctx, t.process, !t.foreign)
		if err != nil {
			return err
		}
		s.RSS, s.Heap = after.per(before, t.cell.Conns)
		return nil
	}
	return t.window(ctx, load, s)
}

// window lets the load measure.
func (t *trial) window(ctx context.Context, load *process, s *result.Sample) error {
	if t.ownLoad() { // which is idle now, and whose conns may have left work behind
		t.settle(ctx)
	}
	machine := machineUsage()
	if _, err := load.in.Write([]byte("go\n")); err != nil {
		return load.failure(err)
	}
	line, err := load.line(ctx, t.Window+patience)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	var told struct {
		result.Load
		Problem string `json:"problem"` // which loads of libraries tell there, and ours in C beside it
	}
	if err := json.Unmarshal([]byte(line), &told); err != nil {
		return fmt.Errorf("load: %q: %w", line, err)
	}
	s.Load = told.Load
	s.Noise = noise(machine, machineUsage(), s.ServerCPU+s.CPU)
	switch {
	case s.Errors > 0:
		return load.failure(fmt.Errorf("%d errors %s", s.Errors, told.Problem))
	case s.Packets == 0:
		return errors.New("no packet was answered")
	}
	return nil
}

// ownLoad tells that the load is the command call: the client of the server's library, or the
// members of a room.
func (t *trial) ownLoad() bool {
	return t.call || slices.Contains([]string{result.Calls, result.Rooms, result.Sessions, result.Cluster}, t.cell.Group)
}

// callMode is the mode of that command.
func (t *trial) callMode() string {
	if t.cell.Cut {
		return "cut"
	}
	return t.mode
}

func (t *trial) load() []string {
	args := []string{filepath.Join(t.Bin, "load")}
	if t.ownLoad() {
		args = []string{filepath.Join(t.Bin, "versus"), "call", t.Name, "--mode", t.callMode()}
	}
	args = append(args,
		"--connect", t.addr,
		"--conns", strconv.Itoa(t.cell.Conns),
		"--depth", strconv.Itoa(t.cell.Depth),
		"--size", strconv.Itoa(max(t.cell.Size, 64)),
		"--duration", milliseconds(t.Window),
		"--warmup", milliseconds(t.Warmup),
	)
	if t.rate > 0 {
		args = append(args, "--rate", strconv.FormatInt(int64(t.rate), 10))
	}
	if t.cell.Inflight > 0 {
		args = append(args, "--inflight", strconv.Itoa(t.cell.Inflight))
	}
	if t.handshake && !t.ownLoad() {
		args = append(args, "--handshake")
	}
	if t.websocket {
		args = append(args, "--websocket")
	}
	for _, pid := range t.process.members() {
		args = append(args, "--pid", strconv.Itoa(pid))
	}
	return args
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) + "ms" }

func errNotReady(line string) error {
	if line == "ready" {
		return nil
	}
	return errors.New(`want "ready"`)
}
