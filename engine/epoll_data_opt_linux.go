//go:build poll_opt

package engine

// What gnet keeps with a descriptor in its epoll set, with the build tag poll_opt: the
// address of a struct in its conn.

import (
	"reflect"
	"unsafe"

	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/netpoll"
	"golang.org/x/sys/unix"
)

// setData puts into ev what gnet keeps with gc. It reports whether that is known: it is not
// if the struct is not where gnet 2.9 has it.
func setData(ev *unix.EpollEvent, gc gnet.Conn) bool {
	v := reflect.ValueOf(gc)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return false
	}
	attachment := v.Elem().FieldByName("pollAttachment")
	if !attachment.IsValid() || attachment.Type() != reflect.TypeFor[netpoll.PollAttachment]() {
		return false
	}
	p := attachment.UnsafeAddr()
	// The kernel's eight bytes begin at Fd. They need not be aligned to a pointer.
	*(*pointerBytes)(unsafe.Pointer(&ev.Fd)) = *(*pointerBytes)(unsafe.Pointer(&p))
	return true
}

type pointerBytes [unsafe.Sizeof(uintptr(0))]byte
