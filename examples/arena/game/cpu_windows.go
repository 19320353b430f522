package game

import (
	"syscall"
	"time"
)

// cpuTime is the time that processors have spent for this process.
func cpuTime() time.Duration {
	var made, ended, kernel, user syscall.Filetime
	self, err := syscall.GetCurrentProcess()
	if err != nil || syscall.GetProcessTimes(self, &made, &ended, &kernel, &user) != nil {
		return 0
	}
	return spent(kernel) + spent(user)
}

// spent converts a time that is counted in units of 100 ns.
func spent(f syscall.Filetime) time.Duration {
	return time.Duration(int64(f.HighDateTime)<<32|int64(f.LowDateTime)) * 100
}
