//go:build unix

package bench

import (
	"os"
	"syscall"
)

// statusSignals make a server tell what it holds.
func statusSignals() []os.Signal { return []os.Signal{syscall.SIGUSR1} }

// leaveSignals make a server's members leave.
func leaveSignals() []os.Signal { return []os.Signal{syscall.SIGUSR2} }
