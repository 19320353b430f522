package engine

import (
	"testing"

	"golang.org/x/sys/unix"
)

// A conn is woken when its socket takes output again, and not while that is full.
func TestWritableWakesAConn(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	piece := make([]byte, 64<<10)
	for err == nil {
		_, err = unix.Write(fds[0], piece)
	}
	woken := make(chan struct{}, 1)
	c := &Conn{loop: new(Loop)}
	c.loop.inbox.setWake(func() { woken <- struct{}{} })

	var w writable
	w.close() // which nobody has used
	if !w.add(fds[0], c) {
		t.Fatal("it cannot tell")
	}
	select {
	case <-woken:
		t.Error("the conn was woken while the socket was full")
	default:
	}
	for err = nil; err == nil; {
		_, err = unix.Read(fds[1], piece)
	}
	wait(t, "wake-up", woken)
	w.remove(fds[0])
	w.close()
	if !c.loop.inbox.hasNews() {
		t.Error("the loop is not asked to look at the conn")
	}
}
