package harness

// A server that runs through all rounds.

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/packetmq/packetmq/bench/versus/clock"
	"github.com/packetmq/packetmq/bench/versus/result"
)

// server is a subject that runs through all rounds of its cells. One that nobody
// asks for anything takes no CPU, so that all of them can be there at once.
type server struct {
	*Config
	subject
	group   string // of the cells
	loops   int
	shares  bool     // both CPUs with the load
	process *process // nil if it does not run
	addr    string
	failed  int // rounds in a row
	failure error
}

// mostFailed is after how many failures in a row a server is given up: it has
// been started anew once.
const mostFailed = 2

// up starts the server if it does not run.
func (s *server) up(ctx context.Context) error {
	if s.process != nil {
		return nil
	}
	if s.failed >= mostFailed {
		return fmt.Errorf("given up: %w", s.failure)
	}
	if err := s.launch(ctx); err != nil {
		return s.down(fmt.Errorf("server: %w", err))
	}
	return nil
}

func (s *server) launch(ctx context.Context) error {
	on, _, err := cpus(s.shares)
	if err != nil {
		return err
	}
	if s.process, err = start(on, s.Nice, s.env(), s.args()...); err != nil {
		return err
	}
	if s.addr, err = s.process.address(ctx); err != nil {
		return err
	}
	s.settle(ctx)
	return nil
}

// down ends a server that has failed, so that the next round begins with another.
func (s *server) down(err error) error {
	if s.process != nil {
		s.stop()
		if said := s.process.stderr.String(); said != "" {
			err = fmt.Errorf("%w; server: %s", err, said)
		}
		s.process = nil
	}
	s.failed++
	s.failure = err
	return err
}

func (s *server) stop() {
	if s.process != nil {
		s.process.stop()
	}
}

// settle waits until the server has no more to do, as with conns that were
// closed: it would do that while the next one is measured. The wait is bounded.
func (s *server) settle(ctx context.Context) {
	const (
		moment = 10 * time.Millisecond
		idle   = int64(moment / 20) // of the CPU, in a moment
		most   = 2 * time.Second
	)
	pids := s.process.members()
	for end := time.Now().Add(most); time.Now().Before(end); {
		from, err := clock.Of(pids...)
		if err != nil {
			return // it has ended, which the next load will find
		}
		select {
		case <-time.After(moment):
		case <-ctx.Done():
			return
		}
		if to, err := clock.Of(pids...); err != nil || to-from < idle {
			return
		}
	}
}

func (s *server) args() []string {
	args := s.command(s.Bin, s.group)
	if s.loops > 0 {
		args = append(args, "--loops", strconv.Itoa(s.loops))
	}
	return args
}

// env is that of the server and of its loads, beside what this process has.
func (s *server) env() []string {
	if s.group == result.Cluster { // whose nodes have both CPUs, as a program finds them
		return nil
	}
	return []string{"GOMAXPROCS=" + strconv.Itoa(max(s.Procs, s.loops))}
}

// stopAll ends servers, all at the same time.
func stopAll(servers []*server) {
	var wg sync.WaitGroup
	for _, s := range servers {
		wg.Go(s.stop)
	}
	wg.Wait()
}
