package target

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/packetmq/packetmq/siege/client"
)

// Resources are what a server has in use.
type Resources struct {
	// from the server
	Goroutines int64
	Conns      int64
	Buffers    int64 // pooled buffers that are out
	Heap       int64 // bytes that are live
	Stacks     int64 // bytes
	Late       int64 // how late a timer was at most since the last answer, in nanoseconds

	// from /proc
	Files int64 // descriptors
	RSS   int64 // bytes
}

// SettleTime is how long after its conns' end a server's memory may take to fall.
const SettleTime = 5 * time.Second

// Ask has the server collect its garbage and tell what it has in use.
func (s *Server) Ask(ctx context.Context) (h Resources, err error) {
	select {
	case <-s.told: // to a question that was given up
	default:
	}
	if err := s.Signal(syscall.SIGUSR1); err != nil {
		return h, err
	}
	select {
	case h = <-s.told:
	case <-ctx.Done():
		return h, ctx.Err()
	case <-s.Ended:
		return h, fmt.Errorf("the server has ended: %v\n%s", s.State, s.Log())
	case <-time.After(2 * client.Patience):
		return h, errors.New("the server does not answer SIGUSR1")
	}
	if h.Files, err = OpenFiles(s.PID()); err != nil {
		return h, err
	}
	h.RSS, err = memory(s.PID(), "VmRSS")
	return h, err
}

// WaitIdle waits until the server has no conn, and returns what it has in use then.
// After 15 seconds it returns what there is: the last softquit may wait for its
// other side for some seconds.
func (s *Server) WaitIdle(ctx context.Context) (h Resources, err error) {
	late := time.Now().Add(15 * time.Second)
	for {
		h, err = s.Ask(ctx)
		if err != nil {
			return h, err
		}
		// What the collector works with comes and goes: those that are there
		// from the start are a few less at the first look.
		over := h.Conns > int64(s.Options.Members) || h.Buffers > 0
		if b := s.Before; b.Goroutines > 0 {
			over = over || h.Goroutines > b.Goroutines || h.Files > b.Files
		}
		if !over || time.Now().After(late) {
			return h, nil
		}
		if err := client.Sleep(ctx, 100*time.Millisecond); err != nil {
			return h, err
		}
	}
}

// WaitConns waits until the server has that many conns.
func (s *Server) WaitConns(ctx context.Context, conns int) error {
	for late := time.Now().Add(2 * client.Patience); ; {
		h, err := s.Ask(ctx)
		if err != nil || h.Conns == int64(conns) {
			return err
		}
		if time.Now().After(late) {
			return fmt.Errorf("the server has %d conns, want %d", h.Conns, conns)
		}
		if err := client.Sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

// WaitRSS waits until the server's memory has fallen to a bound, and returns what
// it is. If that is above the bound, it has not fallen within SettleTime.
func (s *Server) WaitRSS(ctx context.Context, bound int64) (rss int64, err error) {
	for late := time.Now().Add(SettleTime); ; {
		h, err := s.Ask(ctx)
		if err != nil || h.RSS <= bound || time.Now().After(late) {
			return h.RSS, err
		}
		if err := client.Sleep(ctx, 100*time.Millisecond); err != nil {
			return 0, err
		}
	}
}

// Excess says what is more than before, except for memory.
func (h Resources) Excess(before Resources) (what string) {
	for _, k := range []struct {
		name          string
		before, after int64
	}{
		{"goroutines", before.Goroutines, h.Goroutines},
		{"descriptors", before.Files, h.Files},
		{"conns", 0, h.Conns},
		{"buffers", 0, h.Buffers},
	} {
		if k.after > k.before {
			what += fmt.Sprintf(" %d %s (%d before)", k.after, k.name, k.before)
		}
	}
	return what
}
