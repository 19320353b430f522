//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

import (
	"io"
	"net"
	"runtime"
	"testing"
)

// BenchmarkRoundTripOnCaller is a round trip over loopback TCP to a loop with a
// goroutine of its own, to one that runs on the goroutine that calls Run, and to
// one whose goroutine is locked to its thread too, as a main loop's often is. The
// differences are what the hand-overs cost: one a round trip.
func BenchmarkRoundTripOnCaller(b *testing.B) {
	for _, way := range []string{"own", "caller", "locked"} {
		b.Run(way, func(b *testing.B) {
			r := New(&Config{OnCaller: way != "own"})
			ln, err := r.Listen("tcp", "127.0.0.1:0", func(net.Conn) (*Conn, Handler) {
				return new(Conn), &hooks{received: echo}
			})
			if err != nil {
				b.Fatal(err)
			}
			ran := make(chan struct{})
			go func() {
				defer close(ran)
				if way == "locked" {
					runtime.LockOSThread()
				}
				r.Run()
			}()
			defer func() { r.Close(); <-ran }()
			nc, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer nc.Close()
			msg := make([]byte, 64)
			for b.Loop() {
				nc.Write(msg)
				if _, err := io.ReadFull(nc, msg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPoll is a Poll that finds nothing to do, and one that finds a posted
// function.
func BenchmarkPoll(b *testing.B) {
	for _, locked := range []string{"", ", locked"} {
		for _, posts := range []string{"nothing", "post"} {
			b.Run(posts+locked, func(b *testing.B) {
				if locked != "" {
					runtime.LockOSThread()
					defer runtime.UnlockOSThread()
				}
				r := New(&Config{OnCaller: true})
				defer r.Close()
				called := 0
				b.ReportAllocs()
				for b.Loop() {
					if posts == "post" {
						r.Post(func() { called++ })
					}
					if _, err := r.Poll(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
