package attack

// Row upgrades: what comes to a port that takes WebSocket, and is none or breaks its rules.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/internal/figures"
	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/target"
	"github.com/packetmq/packetmq/siege/wire"
)

const (
	// upgradeDeadline is how long a conn may take to be one, upgrade included, and upgradeLate
	// how much longer it may be there.
	upgradeDeadline = time.Second
	upgradeLate     = 4 * time.Second

	// upgradeGrowth is how much the server's memory may grow: there are a few conns at once.
	upgradeGrowth = 48 << 20

	pings = 20_000 // of a flood
)

// upgrade is what an attacker says, and what it must hear.
type upgrade struct {
	name   string
	begins []byte        // the request, or what is none
	then   func() []byte // what is said again and again until the server ends the conn; nil: nothing
	times  int           // so often at most
	heard  []byte        // is in what the server says
	over   time.Duration // when the conn must have ended; 0: at once
}

func upgrades(host string) []upgrade {
	ws := wire.Upgrade(host, "")
	frame := func(first byte, n int) []byte { return wire.AppendWebSocket(nil, first, make([]byte, n)) }
	closed := func(code byte) []byte { return []byte{3, code} } // 1000 and up: 1002 is 3 and 234
	always := func(b []byte) func() []byte { b = bytes.Repeat(b, 100); return func() []byte { return b } }
	slow := upgradeDeadline + upgradeLate
	return []upgrade{
		{name: "headers without end", begins: ws[:len(ws)-2], then: always([]byte("X-More: of the same, again and again\r\n")), times: 1000, heard: []byte("HTTP/1.1 431")},
		{name: "a header that stops", begins: ws[:40], over: slow},
		{name: "an upgrade after which nothing comes", begins: ws, heard: []byte("HTTP/1.1 101"), over: slow},
		{name: "another origin", begins: wire.Upgrade(host, "Origin: https://evil.example\r\n"), heard: []byte("HTTP/1.1 403")},
		{name: "no WebSocket", begins: []byte("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n"), heard: []byte("HTTP/1.1 426")},
		{name: "two hosts", begins: wire.Upgrade(host, "Host: other\r\n"), heard: []byte("HTTP/1.1 400")},
		{name: "a frame without a mask", begins: append(ws[:len(ws):len(ws)], wire.Binary, 1, 0), heard: closed(234)},
		{name: "a length of 63 bits and one", begins: append(ws[:len(ws):len(ws)], wire.Binary, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), heard: closed(234)},
		{name: "a reserved bit", begins: append(ws[:len(ws):len(ws)], 0xc2, 0x80, 0, 0, 0, 0), heard: closed(234)},
		{name: "a continuation of nothing", begins: append(ws[:len(ws):len(ws)], frame(wire.Continuation, 0)...), heard: closed(234)},
		{name: "a ping in parts", begins: append(ws[:len(ws):len(ws)], frame(wire.Ping&0x0f, 1)...), heard: closed(234)},
		{name: "a frame of 4 EiB that never comes", begins: append(ws[:len(ws):len(ws)], wire.Binary, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), over: slow},
		{name: "fragments without end", begins: append(ws[:len(ws):len(ws)], frame(wire.Fragment, 0)...), then: always(frame(wire.Continuation, 0)), times: 100_000, over: slow},
		{name: "pings without end", begins: ws, then: always(frame(wire.Ping, 125)), times: pings / 100, over: slow + client.Patience},
	}
}

// tryUpgrades has many conns at once ask for upgrades in every wrong way.
func tryUpgrades(ctx context.Context, t *trial) error {
	s, err := t.start(ctx, target.Options{Any: true, Deadline: upgradeDeadline})
	if err != nil {
		return err
	}
	before, probes, err := watch(ctx, s, 20, 10*time.Millisecond)
	if err != nil {
		return err
	}
	var at, done atomic.Int64
	list := upgrades(s.Addr)
	client.Parallel(len(list)*t.pick(40, 2), func() {
		u := list[int(at.Add(1))%len(list)]
		if err := u.try(ctx, s); err != nil && ctx.Err() == nil {
			t.fail("%s: %v", u.name, err)
		}
		done.Add(1)
	})
	_, slowest, err := probes.Stop()
	t.check(err == nil, "another conn: %v", err)
	t.check(slowest < t.bound(answerWithin), "another conn waited %v, want at most %v", slowest, answerWithin)
	peak, err := s.PeakRSS()
	if err != nil {
		return err
	}
	t.check(peak-before < upgradeGrowth, "the server grew by %s, want at most %s", figures.Bytes(peak-before), figures.Bytes(upgradeGrowth))
	t.show("%s conns in %d ways, each ended in time; +%s (of %s); others waited %s at most",
		figures.Count(done.Load()), len(list), figures.Bytes(peak-before), figures.Bytes(upgradeGrowth), figures.Latency(slowest))
	return ctx.Err()
}

// try is one conn.
func (u *upgrade) try(ctx context.Context, s *target.Server) error {
	c, err := s.Dial(ctx)
	if err != nil {
		return err
	}
	defer c.Reset()
	over := u.over
	if over == 0 {
		over = client.Patience
	}
	c.SetDeadline(time.Now().Add(over))
	go func() { // which ends with the conn
		if _, err := c.Write(u.begins); err != nil || u.then == nil {
			return
		}
		for range u.times {
			if _, err := c.Write(u.then()); err != nil {
				return
			}
		}
	}()
	heard, err := readAll(c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("the conn has not ended within %v", over)
	}
	if !bytes.Contains(heard, u.heard) {
		return fmt.Errorf("the server said %q, without %q", heard, u.heard)
	}
	return nil
}

// readAll reads to the end, and returns the first and the last bytes.
func readAll(r io.Reader) (heard []byte, err error) {
	const most = 4 << 10
	b := make([]byte, most)
	for {
		n, err := r.Read(b)
		if heard = append(heard, b[:n]...); len(heard) > 2*most {
			heard = append(heard[:most], heard[len(heard)-most:]...)
		}
		if err != nil {
			return heard, err
		}
	}
}
