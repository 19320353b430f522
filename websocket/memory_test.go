//go:build unix

package websocket

// What a conn costs that does nothing: memory, and no goroutine; and what a packet costs.

import (
	"net/netip"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/peer"
)

// idleBytes is what an idle conn takes of the heap, in bytes: some 770 of them are those of a
// conn over TCP.
const idleBytes = 1126

// heap is how many bytes are in use.
func heap() int {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// dialBare connects a descriptor that is nothing but that, and says all that an upgrade and a
// handshake take.
func (s *server) dialBare(t *testing.T) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	var stream []byte
	stream = codec.AppendFrame(stream, 0, []byte("\x81\xa7version\x01"))
	stream = codec.AppendFrame(stream, 2, []byte("\x82\xa5adapt\xc3\xa5idmap\x85"+
		"\xb7packetmq:handshake_init\x00\xb1packetmq:softquit\x01\xb9packetmq:handshake_pubids\x02\xb9packetmq:handshake_finish\x03\xa9test:note\x28"))
	stream = codec.AppendFrame(stream, 3, []byte("\xc0"))
	all := append([]byte(request("x")), binaryMessage(stream)...)
	if err := unix.Connect(fd, s.sockaddr(t)); err != nil {
		t.Fatal(err)
	}
	if n, err := unix.Write(fd, all); err != nil || n != len(all) {
		t.Fatal(n, err)
	}
	return fd
}

func TestIdleConnMemory(t *testing.T) {
	if raceEnabled || debugBuild {
		t.Skip("the race detector and the debug build have more in every object")
	}
	const first, conns = 100, 2000
	s := serve(t, "ws", nil, func(c *peer.Config) { c.OnLost = nil })
	var fds []int
	t.Cleanup(func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	})
	connect := func(n int) {
		for range n {
			fds = append(fds, s.dialBare(t))
			next(t, "conn", s.made)
		}
	}
	connect(first)
	before, goroutines := heap(), runtime.NumGoroutine()
	connect(conns)
	if n := runtime.NumGoroutine() - goroutines; n > 10 {
		t.Errorf("%d goroutines for %d conns", n, conns)
	}
	got := (heap() - before + conns/2) / conns
	t.Logf("%d bytes", got)
	if got > idleBytes {
		t.Errorf("an idle conn takes %d bytes of the heap, want at most %d", got, idleBytes)
	}
}

// A packet and its answer allocate nothing, at a server and at a client.
func TestPacketsAllocateNothing(t *testing.T) {
	s := serve(t, "ws", nil, nil)
	cli, _ := client(t, nil, nil)
	peer.HandleRaw(s, noted, func(c *peer.Conn, b []byte) error { return c.ReplyRaw(noted.In(c.Peer().Registry()), b) })
	const warmUp, rounds = 2000, 20000
	var before, after runtime.MemStats
	done := make(chan struct{})
	round := 0
	peer.HandleRaw(cli, noted, func(c *peer.Conn, b []byte) error {
		switch round++; round {
		case warmUp:
			runtime.ReadMemStats(&before)
		case warmUp + rounds:
			runtime.ReadMemStats(&after)
			close(done)
			return nil
		}
		return c.ReplyRaw(noted.In(c.Peer().Registry()), b)
	})
	c, err := cli.Connect(t.Context(), "ws://"+s.addr)
	if err != nil {
		t.Fatal(err)
	}
	peer.Send(c, noted, &note{1, make([]byte, 64)})
	next(t, "last round", done)
	got := float64(after.Mallocs-before.Mallocs) / rounds
	t.Logf("%.3f objects a round", got)
	if !raceEnabled && !debugBuild && got > 0.05 {
		t.Errorf("%.3f objects allocated a round", got)
	}
}

func (s *server) sockaddr(t *testing.T) unix.Sockaddr {
	t.Helper()
	ap, err := netip.ParseAddrPort(s.addr)
	if err != nil {
		t.Fatal(err)
	}
	return &unix.SockaddrInet4{Port: int(ap.Port()), Addr: ap.Addr().As4()}
}
