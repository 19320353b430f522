package trial

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel kill the process when this one ends, even while it is paused. A
// terminal's Ctrl-C does not reach it: this process ends it.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
