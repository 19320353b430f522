//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package peer

import (
	"net"
	"runtime"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// idleBytes is what an idle conn of a server takes of the heap, as the decision
// docs/decisions/0016-small-idle-conns.md has it part by part.
const idleBytes = 768

// The clients are bare descriptors: what is counted is the server's.
func TestIdleConnMemory(t *testing.T) {
	if raceEnabled || debugBuild {
		t.Skip("the race detector and the debug build have more in every object")
	}
	const first, conns = 100, 4000 // the first ones take what grows once
	if n := 2*(first+conns) + 300; fileLimit(t) < n {
		t.Skipf("%d descriptors are not to be had", n)
	}
	made := make(chan struct{})
	server := NewServer(registry.New(), &Config{Events: Events{OnMade: func(*Conn) { made <- struct{}{} }}})
	ln := open(t, server)
	fds := make([]int, 0, first+conns)
	t.Cleanup(func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	})
	shake := func(n int) {
		for range n {
			fds = append(fds, dialBare(t, ln))
			wait(t, "handshake", made)
		}
	}
	shake(first)
	spareGoroutines(200)
	before := heap()
	shake(conns)
	got := (heap() - before + conns/2) / conns
	t.Logf("%d bytes", got)
	if got > idleBytes+idleBytes/20 {
		t.Errorf("an idle conn takes %d bytes of the heap, want about %d", got, idleBytes)
	}
}

// A Conn fills its size class of the allocator: 8 bytes more would take 32.
func TestConnFitsItsSizeClass(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("the class is that of a 64-bit machine")
	}
	if n := unsafe.Sizeof(Conn{}); n > 288 {
		t.Errorf("a Conn has %d bytes, more than the 288 of its size class", n)
	}
}

// dialBare connects a descriptor that is nothing but that, and says all that a
// handshake takes.
func dialBare(t testing.TB, ln *engine.Listener) (fd int) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	to := &unix.SockaddrInet4{Port: ln.Addr().(*net.TCPAddr).Port, Addr: [4]byte{127, 0, 0, 1}}
	if err := unix.Connect(fd, to); err != nil {
		t.Fatal(err)
	}
	b := codec.AppendFrame(nil, registry.IDInit, initMsg{version: protocolVersion, beats: true}.append(nil))
	b = codec.AppendFrame(b, registry.IDPubIDs, pubIDsMsg{adapt: true}.append(nil))
	b = codec.AppendFrame(b, registry.IDFinish, finishMsg{}.append(nil))
	if _, err := unix.Write(fd, b); err != nil {
		t.Fatal(err)
	}
	return fd
}

// spareGoroutines has the runtime keep n of them to be used again, so that how
// many accepted sockets happen to be on their way at a time does not count.
func spareGoroutines(n int) {
	var wg sync.WaitGroup
	end := make(chan struct{})
	for range n {
		wg.Go(func() { <-end })
	}
	close(end)
	wg.Wait()
}

// heap is what is in use of it, in bytes.
func heap() int {
	for range 3 { // what is pooled, or has a finalizer, takes more than one
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func fileLimit(t *testing.T) int {
	t.Helper()
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		t.Fatal(err)
	}
	return int(min(lim.Cur, 1<<30))
}
