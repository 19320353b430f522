//go:build !poll_opt

package engine

import (
	"reflect"
	"unsafe"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"
)

// pollSet is the epoll set of the event loop that gc is on, for which gnet has no
// method: 0 if it is not where gnet 2.9 has it.
func pollSet(gc gnet.Conn) (fd int) {
	poller := fieldOf(gc, "poller")
	if !poller.IsValid() || poller.Kind() != reflect.Pointer || poller.Elem().Kind() != reflect.Struct {
		return 0
	}
	set := poller.Elem().FieldByName("fd")
	if !set.IsValid() || set.Kind() != reflect.Int {
		return 0
	}
	if fd = int(set.Int()); !pollFor(fd, gc.Fd(), true) { // it has no other events yet
		return 0
	}
	return fd
}

// readBuffer is what the event loop that gc is on reads into: nil if it is not where
// gnet 2.9 has it. It is the loop's.
func readBuffer(gc gnet.Conn) *[]byte {
	buffer := fieldOf(gc, "buffer")
	if !buffer.IsValid() || buffer.Type() != reflect.TypeFor[[]byte]() {
		return nil
	}
	return (*[]byte)(unsafe.Pointer(buffer.UnsafeAddr()))
}

// fieldOf is a field of the event loop that gc is on, which is zero if it has none.
func fieldOf(gc gnet.Conn, name string) (field reflect.Value) {
	loop := reflect.ValueOf(gc.EventLoop())
	if loop.Kind() != reflect.Pointer || loop.Elem().Kind() != reflect.Struct {
		return field
	}
	return loop.Elem().FieldByName(name)
}

// pollFor has the epoll set report input of fd, or not. It reports whether the set
// has fd. With the build tag poll_opt, gnet has a pointer where this puts fd.
func pollFor(set, fd int, input bool) bool {
	ev := unix.EpollEvent{Fd: int32(fd)}
	if input {
		ev.Events = unix.EPOLLIN | unix.EPOLLPRI
	}
	return unix.EpollCtl(set, unix.EPOLL_CTL_MOD, fd, &ev) == nil
}
