//go:build darwin || freebsd || dragonfly || netbsd || openbsd

package engine

// On these systems gnet writes to sockets.

import "errors"

// errGnet has gnet write: system calls go through the C library here.
var errGnet = errors.New("engine: gnet writes")

func writeNow(int, []byte) (int, error) { return 0, errGnet }

func writeTwoNow(int, []byte, []byte) (int, error) { return 0, errGnet }
