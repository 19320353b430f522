//go:build !poll_opt

package engine

// What gnet keeps with a descriptor in its epoll set: the descriptor.

import (
	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"
)

// setData puts into ev what gnet keeps with gc. It reports whether that is known.
func setData(ev *unix.EpollEvent, gc gnet.Conn) bool {
	ev.Fd = int32(gc.Fd())
	return true
}
