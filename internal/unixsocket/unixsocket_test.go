//go:build linux

package unixsocket

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestPeerOfIsTheProcessAtTheOtherEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	near, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	far, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	want := Peer{PID: os.Getpid(), UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}
	for _, nc := range []net.Conn{near, far} {
		if p, ok := PeerOf(nc.(*net.UnixConn)); !ok || p != want {
			t.Errorf("%+v, %v, want %+v", p, ok, want)
		}
	}
	far.Close()
	if _, ok := PeerOf(far.(*net.UnixConn)); ok {
		t.Error("a closed conn has somebody at its other end")
	}
}

// A duplicate is closed on exec, and its descriptor can be asked for without a change of the
// socket.
func TestDuplicateLeavesTheSocketAsItIs(t *testing.T) {
	ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	f, err := Duplicate(ln, "name")
	if err != nil || f.Name() != "name" {
		t.Fatalf("%v, %v", f, err)
	}
	defer f.Close()
	if flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK == 0 {
		t.Errorf("the socket has the flags %x, %v", flags, err)
	}
	if flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("the descriptor has the flags %x, %v", flags, err)
	}
	ln.Close()
	if _, err := Duplicate(ln, "name"); err == nil {
		t.Error("a closed socket was duplicated")
	}
}
