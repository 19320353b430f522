package attack

// Row handover: a new process that says what it should not, stops half-way, or hangs.

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/packetmq/packetmq/internal/figures"
	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/target"
	"github.com/packetmq/packetmq/siege/wire"
)

// handOverLate is how long a newcomer may wait for the server beside a hand-over that hangs: the
// hand-over may take a second, and then another one from commit on.
const handOverLate = 4 * time.Second

// handOverStep is what a new process does next.
type handOverStep func(c net.Conn) error

func saysOver(b []byte) handOverStep {
	return func(c net.Conn) error { _, err := c.Write(b); return err }
}

func hearsOver(kind byte) handOverStep {
	return func(c net.Conn) error { return wire.ReadHandOver(c, kind) }
}

// hangs waits until the server ends the conn.
func hangs(c net.Conn) error {
	_, err := io.Copy(io.Discard, c)
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		return fmt.Errorf("the hand-over is not ended: %w", err)
	}
	return nil
}

// handOvers are all ways, by their names.
func handOvers() map[string][]handOverStep {
	ready := []handOverStep{
		saysOver(wire.HandOverHelloOf(1)), hearsOver(wire.HandOverSockets), saysOver(wire.HandOverMessage(wire.HandOverTaken, nil)),
		hearsOver(wire.HandOverEnd), saysOver(wire.HandOverMessage(wire.HandOverReady, nil)), hearsOver(wire.HandOverCommit),
	}
	then := func(n int, more ...handOverStep) []handOverStep { return append(ready[:n:n], more...) }
	return map[string][]handOverStep{
		"nothing, and hangs":         {hangs},
		"garbage":                    {saysOver([]byte("GET / HTTP/1.1\r\n\r\n")), hangs},
		"a length of 4 GiB":          {saysOver([]byte{0xff, 0xff, 0xff, 0xff, 1}), hangs},
		"another version":            {saysOver(wire.HandOverHelloOf(2)), hangs},
		"half a header":              {saysOver([]byte{0, 0})},
		"hello, and ends":            then(1),
		"the sockets, and ends":      then(2),
		"taken, and ends":            then(3),
		"taken, and hangs":           then(3, hangs),
		"ready, and ends":            then(5),
		"commit, and ends":           then(6),
		"commit, and hangs":          then(6, hangs),
		"commit, and something else": then(6, saysOver([]byte("yes, yes, yes")), hangs),
	}
}

// tryHandOver has new processes go wrong in every way. The server goes on after each.
func tryHandOver(ctx context.Context, t *trial) error {
	dir, err := os.MkdirTemp("", "siege")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	control := filepath.Join(dir, "control")
	s, err := t.start(ctx, target.Options{Control: control})
	if err != nil {
		return err
	}
	probes, err := client.StartProbes(ctx, &s.Endpoint, 8, 10*time.Millisecond)
	if err != nil {
		return err
	}
	done, latest := 0, time.Duration(0)
	for range t.pick(5, 1) {
		for name, steps := range handOvers() {
			took, err := tryNewProcess(ctx, s, control, steps)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			t.check(err == nil, "%s: %v", name, err)
			t.check(took < t.bound(handOverLate), "%s: a newcomer waited %v, want at most %v", name, took, handOverLate)
			done, latest = done+1, max(latest, took)
			t.show("%s hand-overs, a newcomer waited %s at most", figures.Count(done), figures.Latency(latest))
		}
	}
	_, slowest, err := probes.Stop()
	t.check(err == nil, "a conn that was there: %v", err)
	t.check(slowest < t.bound(answerWithin), "a conn that was there waited %v, want at most %v", slowest, answerWithin)
	return nil
}

// tryNewProcess has a new process go through some steps, and returns how long a newcomer then waits
// for the server.
func tryNewProcess(ctx context.Context, s *target.Server, control string, steps []handOverStep) (time.Duration, error) {
	c, err := new(net.Dialer).DialContext(ctx, "unix", control)
	if err != nil {
		return 0, err
	}
	c.SetDeadline(time.Now().Add(2 * client.Patience))
	for i, step := range steps {
		if err := step(c); err != nil {
			c.Close()
			return 0, fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	c.Close()
	began := time.Now()
	newcomer, err := s.Connect(ctx)
	if err != nil {
		return 0, fmt.Errorf("a newcomer: %w", err)
	}
	defer newcomer.Reset()
	return time.Since(began), newcomer.Echo(wire.NewPacket(1, 1, 64), true)
}
