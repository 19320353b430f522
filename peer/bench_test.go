package peer

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// couple connects a memory client to a server on one loop.
func couple(b *testing.B, server, client func(h Host, reg *registry.Registry)) *Conn {
	b.Helper()
	sreg, creg := registry.New(), registry.NewAdapting()
	srv := NewServer(sreg, nil)
	cli := NewMemoryClient(creg, &Config{Reactor: srv.Reactor()})
	server(srv, sreg)
	client(cli, creg)
	b.Cleanup(func() { srv.Close() })
	if err := srv.RunAsync(); err != nil {
		b.Fatal(err)
	}
	c, err := cli.Connect(b.Context(), srv)
	if err != nil {
		b.Fatal(err)
	}
	return c
}

func BenchmarkMemoryRoundTripRaw(b *testing.B) {
	payload := make([]byte, 64)
	done := make(chan struct{})
	var ping *registry.Type
	n := 0
	c := couple(b, func(h Host, reg *registry.Registry) {
		registry.MustAdd[note](reg, "b:ping", 17)
		pong := registry.MustAdd[note](reg, "b:pong", 18).In(reg)
		h.Untyped().HandleRaw(17, func(c *Conn, p []byte) error { return c.ReplyRaw(pong, p) })
	}, func(h Host, reg *registry.Registry) {
		ping = registry.MustAdd[note](reg, "b:ping", 17).In(reg)
		registry.MustAdd[note](reg, "b:pong", 18)
		h.Untyped().HandleRaw(18, func(c *Conn, p []byte) error {
			if n++; n == b.N {
				close(done)
				return nil
			}
			return c.ReplyRaw(ping, payload)
		})
	})
	b.ReportAllocs()
	b.ResetTimer()
	c.Loop().Post(func() { c.ReplyRaw(ping, payload) })
	<-done
}

// A round trip on a loop that this goroutine takes the turns of: it stays on one
// thread, for tools/steps to count its instructions.
func BenchmarkMemoryRoundTripVirtual(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	v := engine.NewVirtual(nil)
	defer v.Close()
	sreg, creg := registry.New(), registry.NewAdapting()
	srv := NewMemoryServer(sreg, &Config{Reactor: v.Reactor()})
	var c *Conn
	cli := NewMemoryClient(creg, &Config{Reactor: v.Reactor(), Events: Events{OnMade: func(made *Conn) { c = made }}})
	registry.MustAdd[note](sreg, "b:ping", 17)
	pong := registry.MustAdd[note](sreg, "b:pong", 18).In(sreg)
	ping := registry.MustAdd[note](creg, "b:ping", 17).In(creg)
	registry.MustAdd[note](creg, "b:pong", 18)
	payload := make([]byte, 64)
	n := 0
	srv.Untyped().HandleRaw(17, func(c *Conn, p []byte) error { return c.ReplyRaw(pong, p) })
	cli.Untyped().HandleRaw(18, func(c *Conn, p []byte) error {
		if n++; n == b.N {
			return nil
		}
		return c.ReplyRaw(ping, payload)
	})
	if err := cli.ConnectAsync(srv); err != nil {
		b.Fatal(err)
	}
	if v.Settle(100); c == nil {
		b.Fatal("not connected")
	}
	b.ReportAllocs()
	b.ResetTimer()
	c.Loop().Post(func() { c.ReplyRaw(ping, payload) })
	for n < b.N {
		v.Step(0)
	}
}

func BenchmarkMemoryOneWayRaw(b *testing.B) {
	payload := make([]byte, 64)
	done := make(chan struct{})
	var ping *registry.Type
	n := 0
	c := couple(b, func(h Host, reg *registry.Registry) {
		registry.MustAdd[note](reg, "b:ping", 17)
		h.Untyped().HandleRaw(17, func(c *Conn, p []byte) error {
			if n++; n == b.N {
				close(done)
			}
			return nil
		})
	}, func(h Host, reg *registry.Registry) { ping = registry.MustAdd[note](reg, "b:ping", 17).In(reg) })
	b.ReportAllocs()
	b.ResetTimer()
	sent := 0
	var more func()
	more = func() {
		for range min(256, b.N-sent) {
			c.ReplyRaw(ping, payload)
			sent++
		}
		if sent < b.N {
			c.Loop().Post(more)
		}
	}
	c.Loop().Post(more)
	<-done
}

func BenchmarkSendFromGoroutines(b *testing.B) {
	for _, senders := range []int{1, 4, 16} {
		b.Run(fmt.Sprint(senders), func(b *testing.B) {
			payload := make([]byte, 64)
			var ping *registry.Type
			done := make(chan struct{})
			n, each := 0, (b.N+senders-1)/senders
			total := each * senders
			c := couple(b, func(h Host, reg *registry.Registry) {
				registry.MustAdd[note](reg, "b:ping", 17)
				h.Untyped().HandleRaw(17, func(c *Conn, p []byte) error {
					if n++; n == total {
						close(done)
					}
					return nil
				})
			}, func(h Host, reg *registry.Registry) { ping = registry.MustAdd[note](reg, "b:ping", 17).In(reg) })
			b.ReportAllocs()
			b.ResetTimer()
			var wg sync.WaitGroup
			for range senders {
				wg.Go(func() {
					for range each {
						for c.Pending() > engine.DefaultMaxPending/2 {
							runtime.Gosched()
						}
						if err := c.SendRaw(ping, payload); err != nil {
							panic(err)
						}
					}
				})
			}
			wg.Wait()
			<-done
		})
	}
}
