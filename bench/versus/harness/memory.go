package harness

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// memory is what a server's processes hold, in bytes.
type memory struct{ rss, heap int64 }

// memoryOf asks the kernel, and a server that answers SIGUSR1 with what Go has
// in use.
func memoryOf(p *process) (m memory, err error) {
	for _, pid := range p.members() {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return m, err
		}
		m.rss += parseRSS(string(b))
	}
	return m, nil
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
