package target

// What /proc says about the server and about the machine.

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// RSS returns the resident memory of the process, in bytes.
func (s *Server) RSS() (int64, error) { return memory(s.PID(), "VmRSS") }

// PeakRSS returns the most that RSS was since ResetPeak.
func (s *Server) PeakRSS() (int64, error) { return memory(s.PID(), "VmHWM") }

// ResetPeak has PeakRSS begin anew.
func (s *Server) ResetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.PID()), []byte("5"), 0)
}

// memory reads a field of /proc/PID/status that is in kilobytes.
func memory(pid int, field string) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no %s", pid, field)
}

// OpenFiles returns how many descriptors a process has.
func OpenFiles(pid int) (int64, error) {
	d, err := os.Open(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return 0, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	return int64(len(names)), err
}

// CPU is processor time, in hundredths of a second.
type CPU struct {
	whole int64 // of all processors, idle or not
	idle  int64
	ours  int64 // this process's and the server's
}

// ReadCPU reads the processor time until now, where the server is the process pid.
func ReadCPU(pid int) (c CPU, err error) {
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
	theirs, err := CPUOf(pid)
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

// Others returns the share of all processor time since before that went to other
// processes, or to other machines on the same hardware.
func (c CPU) Others(before CPU) float64 {
	whole := c.whole - before.whole
	if whole <= 0 {
		return 0
	}
	used := whole - (c.idle - before.idle) - (c.ours - before.ours)
	return max(0, float64(used)/float64(whole))
}

// CPUOf returns the processor time that a process has used, in hundredths of a second.
func CPUOf(pid int) (int64, error) {
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
