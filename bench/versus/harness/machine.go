package harness

// The machine: what it is, and how much of it others use.

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetmq/packetmq/bench/versus/result"
)

// usage is what the machine's CPUs have done, in nanoseconds.
type usage struct{ busy, total int64 }

// parseUsage reads the first line of /proc/stat. Time that another machine has
// stolen counts as busy; guest time is in user time already.
func parseUsage(stat string) (u usage) {
	const tick = int64(time.Second / 100)
	line, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	for i, s := range fields {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || i > 8 {
			continue
		}
		u.total += n * tick
		if i != 4 && i != 5 { // idle and waiting for a disk
			u.busy += n * tick
		}
	}
	return u
}

func machineUsage() usage {
	b, _ := os.ReadFile("/proc/stat")
	return parseUsage(string(b))
}

// noise is the share of the machine that others have used between two looks,
// when own was used by processes of this run.
func noise(from, to usage, own int64) float64 {
	total := to.total - from.total
	if total <= 0 {
		return 0
	}
	return max(0, float64(to.busy-from.busy-own)/float64(total))
}

// waitForQuiet waits until others have left the machine alone for a moment, but
// not for longer than it is told.
func waitForQuiet(ctx context.Context, most time.Duration) {
	const moment = 100 * time.Millisecond // ten ticks of each CPU's count
	for end := time.Now().Add(most); time.Now().Before(end); {
		from := machineUsage()
		select {
		case <-time.After(moment):
		case <-ctx.Done():
			return
		}
		if noise(from, machineUsage(), 0) <= result.Quiet {
			return
		}
	}
}

// Describe fills in what there is to know of this machine and the code.
func Describe(m *result.Machine) {
	m.CPUs = runtime.NumCPU()
	m.Go = runtime.Version()
	m.Date = time.Now().UTC().Truncate(time.Second)
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.Kernel = unix.ByteSliceToString(u.Release[:]) + " " + unix.ByteSliceToString(u.Machine[:])
	}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		m.CPU = cpuModel(string(b))
	}
	m.CC = firstLine("cc", "--version")
	m.Commit = firstLine("git", "rev-parse", "--short=12", "HEAD")
	if firstLine("git", "status", "--porcelain", "--untracked-files=no") != "" {
		m.Commit += "+"
	}
}

func cpuModel(cpuinfo string) string {
	for line := range strings.Lines(cpuinfo) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func firstLine(name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return ""
	}
	line, _, _ := bytes.Cut(out, []byte("\n"))
	return string(line)
}
