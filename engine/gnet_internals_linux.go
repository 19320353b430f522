package engine

// What of gnet we reach by reflection: its epoll set and its read buffer. What gnet keeps
// with a descriptor in the set depends on its build tag poll_opt: see epoll_data_linux.go.

import (
	"reflect"
	"unsafe"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"
)

// pollSet is the epoll set of the event loop that gc is on, for which gnet has no
// method: 0 if it is not where gnet 2.9 has it. gc is the wake-up socket, the first
// one of the set, which it has report edges.
//
// The kernel puts a socket whose level is reported back into its list of ready ones
// each time that it was reported, ahead of those that become ready while the loop
// works. A wake-up during that work would come before them all, and each would wait
// for two turns in place of one. One whose edges are reported comes after them.
func pollSet(gc gnet.Conn) (fd int) {
	poller := fieldOf(gc, "poller")
	if !poller.IsValid() || poller.Kind() != reflect.Pointer || poller.Elem().Kind() != reflect.Struct {
		return 0
	}
	set := poller.Elem().FieldByName("fd")
	if !set.IsValid() || set.Kind() != reflect.Int {
		return 0
	}
	if fd = int(set.Int()); !setEvents(fd, gc, unix.EPOLLIN|unix.EPOLLET) {
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

// pollFor has the epoll set report input of gc, or not. It reports whether the set has gc.
func pollFor(set int, gc gnet.Conn, input bool) bool {
	if input {
		return setEvents(set, gc, unix.EPOLLIN|unix.EPOLLPRI)
	}
	return setEvents(set, gc, 0)
}

// setEvents has the epoll set report these events of gc. It reports whether the set has gc.
func setEvents(set int, gc gnet.Conn, events uint32) bool {
	ev := unix.EpollEvent{Events: events}
	return setData(&ev, gc) && unix.EpollCtl(set, unix.EPOLL_CTL_MOD, gc.Fd(), &ev) == nil
}
