package engine

// How a conn with a backlog learns that its socket takes output again.

import (
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// writable tells the conns of a loop when their sockets take output again. gnet does
// that only for output which it has itself: then it is gnet's to keep, in as many
// buffers as there were writes, and nobody hears that it has gone. So the sockets
// that have a backlog are in a second epoll set, on which a goroutine waits in the
// runtime's own poller. It takes no thread while nothing happens.
type writable struct {
	set  *os.File // nil: no socket has had a backlog yet
	raw  syscall.RawConn
	done chan struct{} // closed when the goroutine has ended

	mu    sync.Mutex
	conns map[int32]*Conn // by descriptor
}

// open begins to wait, on a goroutine that ends with close.
func (w *writable) open() error {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // so that os.File leaves it to the runtime's poller
		unix.Close(fd)
		return os.NewSyscallError("fcntl", err)
	}
	set := os.NewFile(uintptr(fd), "writable")
	raw, err := set.SyscallConn()
	if err != nil {
		set.Close()
		return err
	}
	w.set, w.raw = set, raw
	w.done, w.conns = make(chan struct{}), make(map[int32]*Conn)
	go w.wait()
	return nil
}

// add has c told, by Wake, each time that fd begins to take output, and now if it does.
// It reports whether that is so. On the loop only.
func (w *writable) add(fd int, c *Conn) bool {
	if w.set == nil && w.open() != nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	const events = unix.EPOLLOUT | unix.EPOLLET
	if w.control(unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)}) != nil {
		return false
	}
	w.conns[int32(fd)] = c
	return true
}

// remove takes add back. The descriptor is still open.
func (w *writable) remove(fd int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, int32(fd))
	w.control(unix.EPOLL_CTL_DEL, fd, nil)
}

func (w *writable) control(op, fd int, ev *unix.EpollEvent) (err error) {
	if e := w.raw.Control(func(set uintptr) { err = unix.EpollCtl(int(set), op, fd, ev) }); e != nil {
		return e
	}
	return err
}

// wait wakes the conns of sockets that take output.
func (w *writable) wait() {
	defer close(w.done)
	var events [64]unix.EpollEvent
	for {
		n := 0
		err := w.raw.Read(func(set uintptr) bool {
			n, _ = unix.EpollWait(int(set), events[:], 0)
			return n > 0
		})
		if err != nil { // closed
			return
		}
		for _, ev := range events[:n] {
			w.wake(ev.Fd)
		}
	}
}

func (w *writable) wake(fd int32) {
	w.mu.Lock()
	c := w.conns[fd]
	w.mu.Unlock()
	if c != nil {
		c.sink().Wake(nil)
	}
}

// close ends the goroutine, if there is one.
func (w *writable) close() {
	if w.set != nil {
		w.set.Close()
		<-w.done
		w.set = nil
	}
}
