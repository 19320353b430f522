// Package clock reads the CPU clocks of processes. It needs Linux.
package clock

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Of is what processes have had of CPUs, all together, in nanoseconds. The clock
// is exact also for threads that are running and those that have ended, which
// /proc/PID/task/*/schedstat is not.
func Of(pids ...int) (int64, error) {
	const scheduled = 2 // CPUCLOCK_SCHED, of a whole process
	var sum int64
	for _, pid := range pids {
		var t unix.Timespec
		if err := unix.ClockGettime(int32(^pid<<3|scheduled), &t); err != nil {
			return 0, fmt.Errorf("CPU clock of process %d: %w", pid, err)
		}
		sum += t.Nano()
	}
	return sum, nil
}
