package harness

// The memory of a server's processes.

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// memory is what a server's processes hold, in bytes.
type memory struct{ rss, heap int64 }

// memoryOf asks the kernel and, where it answers, the server.
func memoryOf(ctx context.Context, p *process, answers bool) (m memory, err error) {
	if answers { // first: it gives back to the kernel what it does not need
		if m.heap, err = heapOf(ctx, p); err != nil {
			return m, err
		}
	}
	m.rss, err = rssOf(p.members())
	return m, err
}

// rssOf is the resident memory of processes, in bytes.
func rssOf(pids []int) (sum int64, err error) {
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return 0, err
		}
		sum += parseRSS(string(b))
	}
	return sum, nil
}

// heapOf is what a Go server says to SIGUSR1 that its heap and stacks hold.
func heapOf(ctx context.Context, p *process) (int64, error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	p.stderr.take() // what it said before
	if err := p.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		return 0, err
	}
	for said := ""; ; {
		more, grown := p.stderr.take()
		said += more
		if n, ok := parseHeap(said); ok {
			return n, nil
		}
		select {
		case <-grown:
		case <-timer.C:
			return 0, p.failure(errSilent)
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// parseHeap finds "heap N stacks N" at the end of a line.
func parseHeap(said string) (int64, bool) {
	for line := range strings.Lines(said) {
		i := strings.Index(line, "heap ")
		if i < 0 || !strings.HasSuffix(line, "\n") {
			continue
		}
		var heap, stacks int64
		if n, _ := fmt.Sscanf(line[i:], "heap %d stacks %d\n", &heap, &stacks); n == 2 {
			return heap + stacks, true
		}
	}
	return 0, false
}

// parseRSS takes VmRSS from /proc/PID/status, in bytes.
func parseRSS(status string) int64 {
	for s := bufio.NewScanner(strings.NewReader(status)); s.Scan(); {
		if value, ok := strings.CutPrefix(s.Text(), "VmRSS:"); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err == nil {
				return n << 10
			}
		}
	}
	return 0
}

// per is the growth since before, for each of n conns.
func (m memory) per(before memory, n int) (rss, heap float64) {
	return float64(m.rss-before.rss) / float64(n), float64(m.heap-before.heap) / float64(n)
}
