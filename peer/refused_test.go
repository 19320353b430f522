package peer

import (
	"context"
	"net"
	"slices"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// After a call that was refused, everything is as before it: conns are open and
// talk, others can connect, and nothing more is counted than the refusal.
func TestARefusedCallHasDoneNothing(t *testing.T) {
	r := engine.New(nil)
	defer r.Close()
	s, c := newSide(false, 20, 21), newSide(true, 20, 21)
	s.cfg.Reactor, c.cfg.Reactor = r, r
	server, client := NewServer(s.reg, &s.cfg), NewClient(c.reg, &c.cfg)
	pinged := make(chan int, 10)
	Handle(server, s.ping, func(_ *Conn, v *note) error { pinged <- v.N; return nil })
	ln, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ms, mc := newSide(false, 20, 21), newSide(true, 20, 21)
	ms.cfg.Reactor, mc.cfg.Reactor = r, r
	memory, member := NewMemoryServer(ms.reg, &ms.cfg), NewMemoryClient(mc.reg, &mc.cfg)
	if err := r.RunAsync(); err != nil {
		t.Fatal(err)
	}
	conn, err := client.Connect(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	alive := func(t *testing.T) {
		t.Helper()
		n++
		if err := Send(conn, c.ping, &note{N: n}); err != nil {
			t.Fatal(err)
		}
		if got := wait(t, "ping", pinged); got != n {
			t.Fatalf("ping %d came, want %d", got, n)
		}
		more, err := client.Connect(t.Context(), addr)
		if err != nil {
			t.Fatalf("nobody else can connect: %v", err)
		}
		more.Abort(nil)
		local, err := member.Connect(t.Context(), memory)
		if err != nil {
			t.Fatalf("no memory client can connect: %v", err)
		}
		local.Abort(nil)
		eventually(t, "only the first conn is left", func() bool {
			return client.NumConns() == 1 && server.NumConns() == 1 && memory.NumConns() == 0 && r.Conns() == 2
		})
		if conn.State() != Active {
			t.Fatalf("the first conn is %v", conn.State())
		}
	}
	alive(t)
	ctx := context.Background()
	onLoop := func(call func() error) func() error {
		return func() error {
			result := make(chan error, 1)
			r.Post(func() { result <- call() })
			return <-result
		}
	}
	loopCalls := map[string]func() error{
		"Shutdown":          func() error { return server.Shutdown(ctx) },
		"ShutdownWith":      func() error { return server.ShutdownWith(ctx, "reason.late") },
		"client's Shutdown": func() error { return client.Shutdown(ctx) },
		"memory's Shutdown": func() error { return memory.Shutdown(ctx) },
		"Run":               server.Run,
		"Connect":           func() error { _, err := client.Connect(ctx, addr); return err },
		"Inject":            func() error { nc, far := net.Pipe(); defer far.Close(); _, err := client.Inject(ctx, nc); return err },
		"Connect in memory": func() error { _, err := member.Connect(ctx, memory); return err },
		"ConnectClient":     func() error { _, err := memory.ConnectClient(ctx, member); return err },
		"SendWait":          func() error { return SendWait(ctx, conn, c.ping, &note{N: -1}) },
		"Call":              func() error { return r.Loops()[0].Call(ctx, func() { t.Error("called") }) },
		"Poll":              func() error { _, err := r.Poll(ctx); return err },
		"Dial":              func() error { return r.Dial(ctx, "tcp", addr, new(engine.Conn), nil) },
	}
	calls := map[string]func() error{
		"RunAsync twice":     server.RunAsync,
		"Listen nowhere":     func() error { _, err := server.Listen("nowhere"); return err },
		"Listen at its port": func() error { _, err := server.Listen(addr); return err },
		"Listen without TLS": func() error { _, err := server.Listen("tls://127.0.0.1:0"); return err },
		"Serve nothing":      func() error { _, err := server.Serve(nil); return err },
		"Inject nothing":     func() error { _, err := server.Inject(nil); return err },
		"Connect nowhere":    func() error { _, err := client.Connect(ctx, "nowhere"); return err },
		"Connect in no time": func() error {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			_, err := client.Connect(ctx, addr)
			return err
		},
		"Softquit of nobody":  func() error { return server.Untyped().Softquit(uint64(1<<40), "reason.gone") },
		"Softquit of nothing": func() error { return server.Untyped().Softquit(t, "reason.gone") },
		"Send unknown":        func() error { return client.Untyped().Send(conn, "test:unknown", 1) },
		"Send what cannot be": func() error { return client.Untyped().Send(conn, "test:ping", make(chan int)) },
		"Send too much":       func() error { return Send(conn, c.ping, &note{Text: string(make([]byte, 2<<20))}) },
		"Send to nobody":      func() error { return server.Untyped().Send(uint64(1<<40), "test:ping", &note{}) },
		"SendEncoded badly":   func() error { return client.Untyped().SendEncoded(conn, []byte{1}) },
		"Broadcast unknown":   func() error { return server.Untyped().Broadcast("test:unknown", 1) },
		"RecvPacket unknown":  func() error { return client.Untyped().RecvPacket(conn, "test:unknown", 1) },
		"RecvEncoded badly":   func() error { return client.Untyped().RecvEncoded(conn, nil) },
		"RecvEncoded long":    func() error { return client.Untyped().RecvEncoded(conn, make([]byte, DefaultMaxFrame+1)) },
		"Handle nothing":      func() error { return panicked(func() { Handle(server, s.ping, nil) }) },
		"Handle a stranger": func() error {
			return panicked(func() { Handle(server, c.ping, func(*Conn, *note) error { return nil }) })
		},
		"Add its name again": func() error { _, err := registry.Add[note](s.reg, "test:ping", 99); return err },
		"Add its id again":   func() error { _, err := registry.Add[note](s.reg, "test:other", 20); return err },
		"Remove for ever":    func() error { return s.reg.Remove(0) },
	}
	try := func(name string, call func() error) {
		t.Run(name, func(t *testing.T) {
			if err := call(); err == nil {
				t.Fatal("not refused")
			}
			alive(t)
		})
	}
	for _, name := range sorted(loopCalls) {
		try(name+" on the loop", onLoop(loopCalls[name]))
	}
	for _, name := range sorted(calls) {
		try(name, calls[name])
	}
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
