//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

// Tests of the options that sockets are given.

import (
	"net"
	"path/filepath"
	"syscall"
	"testing"
)

// option reads an option of a socket.
func option(t *testing.T, nc syscall.Conn, opt int) (v int) {
	t.Helper()
	rc, err := nc.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	rc.Control(func(fd uintptr) { v, err = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, opt) })
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Both ends of a conn have the buffers that Config asks for, and the program's
// own functions are called too.
func TestSocketBuffers(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			listened, dialled := 0, 0
			cfg := &Config{SendBuffer: 20 << 10, RecvBuffer: 30 << 10}
			cfg.ListenConfig.Control = func(string, string, syscall.RawConn) error { listened++; return nil }
			cfg.Dialer.Control = func(string, string, syscall.RawConn) error { dialled++; return nil }
			r := start(t, cfg)
			addr := "127.0.0.1:0"
			if network == "unix" {
				addr = filepath.Join(t.TempDir(), "s")
			}
			type sizes struct{ send, recv int }
			got := make(chan sizes, 2)
			look := func(nc net.Conn) {
				s := nc.(syscall.Conn)
				got <- sizes{option(t, s, syscall.SO_SNDBUF), option(t, s, syscall.SO_RCVBUF)}
			}
			ln, err := r.ListenFunc(network, addr, func(nc net.Conn) { look(nc); nc.Close() })
			if err != nil {
				t.Fatal(err)
			}
			nc, err := r.connect(t.Context(), network, ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			look(nc)
			nc.Close()
			for range 2 {
				// Linux doubles what it is asked for; others do not.
				if s := wait(t, "end", got); s.send < 20<<10 || s.send > 40<<10 || s.recv < 30<<10 || s.recv > 60<<10 {
					t.Errorf("the kernel's buffers are of %d and %d bytes", s.send, s.recv)
				}
			}
			if listened != 1 || dialled != 1 {
				t.Errorf("the program's functions were called %d and %d times, want once each", listened, dialled)
			}
		})
	}
}
