package engine

// How a loop waits for input in the runtime's poller, where goroutines wait, in place of a system call of
// its own: see Reactor.WaitInRuntime.

import (
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// runtimeWait waits until gnet's epoll set has something for it. gnet itself would wait in epoll_wait, on a
// thread that nothing else uses; it never gets there while there is nothing for it, because its
// callback does not return before. The set can be waited for like any descriptor.
//
// gnet may have events in hand that it has not handled, and they must not wait for the next one. A socket
// that has input makes the set ready, whether gnet has that in hand or not, since its level is reported.
// The edges of two descriptors are reported once: those of the wake-up socket, which inbox.waking
// tells, and those of gnet's own task queue, which asked tells.
//
// Meanwhile a wake-up needs no socket: a deadline that has passed ends the wait, and the scheduler
// has the goroutine run next.
type runtimeWait struct {
	asked atomic.Int32 // tasks of gnet's that are under way, and its end
	state atomic.Int32 // notResting, resting or poked

	set  *os.File // a descriptor of the set; nil: not yet. Set before the first rest
	turn func()   // takes a turn of the loop

	// On gnet's goroutine only.
	raw    syscall.RawConn
	look   func(set uintptr) bool // isReady, made once
	looked bool
	failed bool // gnet waits by itself
}

const (
	notResting = iota // a wake-up has to use the socket
	resting           // it may be by poke
	poked             // it was: a turn is due
)

// rest returns when the set, which may have been ready all the time, has something for gnet, or gnet is to wait
// by itself. It takes the turns that are asked for meanwhile.
func (w *runtimeWait) rest(set int, b *inbox) {
	for !w.failed && (w.raw != nil || w.open(set)) {
		w.state.Store(resting) // first: who has not seen it has set waking
		if w.asked.Load() > 0 || b.isWaking() {
			if w.state.CompareAndSwap(resting, notResting) {
				return
			}
			w.takeTurn()
			continue
		}
		w.looked = false
		err := w.raw.Read(w.look)
		switch {
		case !w.state.CompareAndSwap(resting, notResting):
			w.takeTurn()
		case err == nil:
			return
		case os.IsTimeout(err): // of a poke whose turn was taken
			w.set.SetReadDeadline(time.Time{})
		default:
			w.failed = true
		}
	}
}

// takeTurn takes the turn that poke has asked for.
func (w *runtimeWait) takeTurn() {
	w.state.Store(notResting)
	w.set.SetReadDeadline(time.Time{})
	runtime.Gosched() // to goroutines that are about to ask for something too, which is done in the same turn
	w.turn()
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// poke ends the wait for a turn. It is false if nothing waits.
func (w *runtimeWait) poke() bool {
	if !w.state.CompareAndSwap(resting, poked) {
		return false
	}
	w.set.SetReadDeadline(longAgo)
	return true
}

// isReady is called by raw.Read, which returns when it is true, and calls it again when the set has
// become ready.
func (w *runtimeWait) isReady(set uintptr) bool {
	if w.looked {
		return true
	}
	w.looked = true
	fd, now := unix.PollFd{Fd: int32(set), Events: unix.POLLIN}, unix.Timespec{}
	n, _, _ := unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&fd)), 1, uintptr(unsafe.Pointer(&now)), 0, 0, 0)
	return n != 0 // ready, or an error, of which gnet hears too
}

// open gives the set to the runtime's poller. It is false if that is not possible.
func (w *runtimeWait) open(set int) bool {
	w.failed = true
	if set == 0 {
		return false
	}
	fd, err := unix.FcntlInt(uintptr(set), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return false
	}
	if err := unix.SetNonblock(fd, true); err != nil { // so that os.File leaves it to the runtime's poller
		unix.Close(fd)
		return false
	}
	w.set, w.look = os.NewFile(uintptr(fd), "poll set"), w.isReady
	w.raw, err = w.set.SyscallConn()
	w.failed = err != nil || w.set.SetReadDeadline(time.Time{}) != nil // which the runtime's poller has not taken
	return !w.failed
}

// ask is called before something that gnet has a task for, and answered after it. wake ends rest by
// the socket.
func (w *runtimeWait) ask(wake func()) {
	w.asked.Add(1)
	wake()
}

func (w *runtimeWait) answered() { w.asked.Add(-1) }

// close is called when gnet's goroutine has ended.
func (w *runtimeWait) close() {
	if w.set != nil {
		w.set.Close()
	}
}
