//go:build !(linux || darwin || freebsd || dragonfly || netbsd || openbsd)

package engine

// Systems that gnet has no poller for. Virtual reactors work there.

type polled struct{}

type flooding struct{}

func newFlooding(*clock, *inbox) flooding { return flooding{} }

type unreadInput []byte

func startDriver(*Loop) (driver, error) { return nil, ErrPlatform }

func (c *Conn) unreadSocket() bool { return false }

func fileLimit() int { return 0 }
