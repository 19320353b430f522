//go:build linux && amd64

package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// trace stops every thread of pid, takes the busiest one to entry, and then n
// steps further. It returns how often it was at each address. All go on when it
// returns.
func trace(pid int, entry uint64, n int) (steps map[uint64]int, err error) {
	threads, err := busiestFirst(pid)
	if err != nil {
		return nil, err
	}
	for _, t := range threads {
		if err := stop(t); err != nil {
			if errors.Is(err, syscall.ESRCH) { // it has ended
				continue
			}
			return nil, fmt.Errorf("thread %d: %w", t, err)
		}
		defer syscall.PtraceDetach(t)
	}
	busy := threads[0]
	if err := runTo(pid, busy, entry); err != nil {
		return nil, err
	}
	steps = make(map[uint64]int)
	for range n {
		var regs syscall.PtraceRegs
		if err := syscall.PtraceGetRegs(busy, &regs); err != nil {
			return nil, err
		}
		steps[regs.Rip]++
		if err := syscall.PtraceSingleStep(busy); err != nil {
			return nil, err
		}
		if err := wait(busy); err != nil {
			return nil, err
		}
	}
	return steps, nil
}

// stop takes a thread over.
func stop(thread int) error {
	if err := syscall.PtraceAttach(thread); err != nil {
		return err
	}
	return wait(thread)
}

// patience is how long a thread has to come to where its steps are to begin.
const patience = 10 * time.Second

// errNotThere: the thread may wait for one of those that stand still, or the program has given
// the work to another one just before.
var errNotThere = errors.New("the busiest thread has not called it in time; try again")

// runTo has a thread of pid go on until it is about to execute what is at addr.
func runTo(pid, thread int, addr uint64) error {
	code := make([]byte, 1)
	if _, err := syscall.PtracePeekText(thread, uintptr(addr), code); err != nil {
		return err
	}
	const breakpoint = 0xcc
	if _, err := syscall.PtracePokeText(thread, uintptr(addr), []byte{breakpoint}); err != nil {
		return err
	}
	defer syscall.PtracePokeText(thread, uintptr(addr), code)
	for until := time.Now().Add(patience); ; {
		if err := syscall.PtraceCont(thread, 0); err != nil {
			return err
		}
		if err := waitUntil(until, pid, thread); err != nil {
			return err
		}
		var regs syscall.PtraceRegs
		if err := syscall.PtraceGetRegs(thread, &regs); err != nil {
			return err
		}
		if regs.Rip == addr+1 {
			regs.Rip = addr
			return syscall.PtraceSetRegs(thread, &regs)
		}
	}
}

// wait waits until a thread stands still.
func wait(thread int) error {
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(thread, &status, syscall.WALL, nil); err != nil {
		return err
	}
	if !status.Stopped() {
		return fmt.Errorf("thread %d has ended", thread)
	}
	return nil
}

// waitUntil waits until a thread of pid stands still, and stops it at a time.
func waitUntil(until time.Time, pid, thread int) error {
	for time.Now().Before(until) {
		var status syscall.WaitStatus
		switch n, err := syscall.Wait4(thread, &status, syscall.WALL|syscall.WNOHANG, nil); {
		case err != nil:
			return err
		case n == 0:
			time.Sleep(time.Millisecond)
		case !status.Stopped():
			return fmt.Errorf("thread %d has ended", thread)
		default:
			return nil
		}
	}
	if _, _, err := syscall.RawSyscall(syscall.SYS_TGKILL, uintptr(pid), uintptr(thread), uintptr(syscall.SIGSTOP)); err != 0 {
		return err
	}
	return errors.Join(errNotThere, wait(thread))
}

// busiestFirst lists the threads of pid, beginning with the one that used the
// most CPU in a tenth of a second.
func busiestFirst(pid int) ([]int, error) {
	before, err := cpuTimes(pid)
	if err != nil {
		return nil, err
	}
	time.Sleep(100 * time.Millisecond)
	after, err := cpuTimes(pid)
	if err != nil {
		return nil, err
	}
	var threads []int
	for t := range after {
		threads = append(threads, t)
		if last := len(threads) - 1; after[t]-before[t] > after[threads[0]]-before[threads[0]] {
			threads[0], threads[last] = t, threads[0]
		}
	}
	return threads, nil
}

// cpuTimes is the CPU time of each thread, in nanoseconds.
func cpuTimes(pid int) (map[int]int64, error) {
	dir := fmt.Sprintf("/proc/%d/task", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	times := make(map[int]int64)
	for _, e := range entries {
		thread, err := strconv.Atoi(e.Name())
		if err != nil {
			return nil, err
		}
		stat, err := os.ReadFile(dir + "/" + e.Name() + "/schedstat")
		if err != nil {
			continue // it has ended
		}
		ran, _, _ := strings.Cut(string(stat), " ")
		if times[thread], err = strconv.ParseInt(ran, 10, 64); err != nil {
			return nil, err
		}
	}
	if len(times) == 0 {
		return nil, fmt.Errorf("process %d has no threads", pid)
	}
	return times, nil
}
