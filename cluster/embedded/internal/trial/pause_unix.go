//go:build unix

package trial

import "syscall"

// Pause has the kernel stop the process where it is, as a debugger or a machine without memory
// does.
func (p *Process) Pause() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (p *Process) Resume() error { return p.cmd.Process.Signal(syscall.SIGCONT) }
