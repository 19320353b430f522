//go:build darwin || freebsd || dragonfly || netbsd || openbsd

package engine

// Here a loop waits in a system call of its own: what gnet waits with is not reached.

type runtimeWait struct{ turn func() }

func (*runtimeWait) rest(int, *inbox) {}

func (*runtimeWait) poke() bool { return false }

func (*runtimeWait) ask(func()) {}

func (*runtimeWait) answered() {}

func (*runtimeWait) close() {}
