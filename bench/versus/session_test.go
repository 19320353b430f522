package main

import (
	"testing"
	"time"

	"github.com/packetmq/packetmq/bench/versus/caller"
)

// Sessions whose conns are all cut come back, and lose and double nothing.
func TestCutSessions(t *testing.T) {
	const conns = 50
	addr := startServer(t, servers()["packetmq"], "session")
	ready := false
	res, err := calls()["packetmq"]["cut"](t.Context(), caller.Config{Addr: addr, Conns: conns, Size: 64, Duration: 1, Ready: func() error { ready = true; return nil }})
	if err != nil || !ready || res.Errors != 0 || res.Packets != 4*conns || res.Seconds <= 0 {
		t.Errorf("%+v, %v", res, err)
	}
}

// A packet and its reply in a session, and the same without.
func TestSessionsAnswer(t *testing.T) {
	for _, mode := range []string{"session", "typed"} {
		addr := startServer(t, servers()["packetmq"], mode)
		res, err := calls()["packetmq"][mode](t.Context(), caller.Config{Addr: addr, Conns: 3, Depth: 5, Size: 64, Warmup: time.Millisecond, Duration: 20 * time.Millisecond})
		if err != nil || res.Errors != 0 || res.Packets == 0 {
			t.Errorf("%s: %+v, %v", mode, res, err)
		}
	}
}
