package attack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// calm is how much of all processors others may use while a bout counts as
// calm.
const calm = 0.2

// bout is a round without an attack, and one beside each of some attacks.
type bout struct {
	busy   float64 // how much of all processors others used: the most of any of its rounds
	alone  time.Duration
	beside []time.Duration
}

// bouts are measured in turn, so that what else the machine does is much the
// same for all their rounds. Where others use the processors too, up to thrice
// as many are measured as are wanted, and those count during which they used
// the least: a loop that is as busy as a flood makes it gets its processor
// taken away by whatever else wants to run, and that is not what is measured.
type bouts struct {
	server *server
	want   int
	all    []bout
}

func (b *bouts) done() bool {
	calmly := 0
	for _, x := range b.all {
		if x.busy <= calm {
			calmly++
		}
	}
	return calmly >= b.want || len(b.all) >= 3*b.want
}

// counting are those that count.
func (b *bouts) counting() []bout {
	byBusy := slices.SortedStableFunc(slices.Values(b.all), func(x, y bout) int { return cmp.Compare(x.busy, y.busy) })
	return byBusy[:min(b.want, len(byBusy))]
}

// busy is how much of the processors others used at most while those were
// measured that count.
func (b *bouts) busy() (most float64) {
	for _, x := range b.counting() {
		most = max(most, x.busy)
	}
	return most
}

// stretch is d, longer by what it takes with the processor time that others
// left: twice as long where they used half, ten times at most.
func (b *bouts) stretch(d time.Duration) time.Duration {
	return time.Duration(float64(d) / max(1-b.busy(), 0.1))
}

// alone is the median of the rounds without an attack.
func (b *bouts) alone() time.Duration {
	var p99 []time.Duration
	for _, x := range b.counting() {
		p99 = append(p99, x.alone)
	}
	return median(p99)
}

// beside is the median of the rounds beside the i-th attack.
func (b *bouts) beside(i int) time.Duration { return median(b.each(i)) }

func (b *bouts) each(i int) (p99 []time.Duration) {
	for _, x := range b.counting() {
		p99 = append(p99, x.beside[i])
	}
	return p99
}

// fight adds a bout.
func (b *bouts) fight(ctx context.Context, alone func(context.Context) (time.Duration, error), attacks ...func(context.Context) (time.Duration, error)) error {
	var x bout
	round := func(measure func(context.Context) (time.Duration, error)) (p99 time.Duration, err error) {
		before, err := readCPU(b.server.pid())
		if err != nil {
			return 0, err
		}
		if p99, err = measure(ctx); err != nil {
			return 0, err
		}
		after, err := readCPU(b.server.pid())
		x.busy = max(x.busy, after.others(before))
		return p99, err
	}
	var err error
	if x.alone, err = round(alone); err != nil {
		return err
	}
	for _, attack := range attacks {
		p99, err := round(attack)
		if err != nil {
			return err
		}
		x.beside = append(x.beside, p99)
	}
	b.all = append(b.all, x)
	return nil
}

// cpu is processor time, in hundredths of a second.
type cpu struct {
	whole int64 // of all processors, idle or not
	idle  int64
	ours  int64 // this process's and the server's
}

func readCPU(pid int) (c cpu, err error) {
	all, err := os.ReadFile("/proc/stat")
	if err != nil {
		return c, err
	}
	var f [8]int64 // user, nice, system, idle, waiting for disks, interrupts, soft ones, stolen
	if _, err := fmt.Sscanf(string(all), "cpu %d %d %d %d %d %d %d %d", &f[0], &f[1], &f[2], &f[3], &f[4], &f[5], &f[6], &f[7]); err != nil {
		return c, err
	}
	for _, n := range f {
		c.whole += n
	}
	c.idle = f[3] + f[4]
	theirs, err := cpuOf(pid)
	if err != nil {
		return c, err
	}
	var self syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &self); err != nil {
		return c, err
	}
	c.ours = theirs + (self.Utime.Nano()+self.Stime.Nano())/10_000_000
	return c, nil
}

// others is the part of all processor time since before that others used, or
// were given by the machine that this one runs on.
func (c cpu) others(before cpu) float64 {
	whole := c.whole - before.whole
	if whole <= 0 {
		return 0
	}
	used := whole - (c.idle - before.idle) - (c.ours - before.ours)
	return max(0, float64(used)/float64(whole))
}

// cpuOf is the processor time that a process has used, in hundredths of a second.
func cpuOf(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(b), ") ") // after the name
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, errors.New("/proc/PID/stat is of another form")
	}
	var user, system int64
	_, err = fmt.Sscan(fields[11]+" "+fields[12], &user, &system)
	return user + system, err
}
