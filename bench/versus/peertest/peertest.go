package peertest

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/bench/versus/caller"
)

// Peer is a server and its caller.
type Peer struct {
	Serve func(ctx context.Context, addr, mode string, out io.Writer) error
	Call  func(ctx context.Context, cfg caller.Config) (caller.Result, error)
	Mode  string // of the server, that Call speaks to
}

// Test has the caller put loads of all kinds on the server, and the server
// refuse what it cannot do.
func Test(t *testing.T, p Peer) {
	for name, cfg := range map[string]caller.Config{
		"one":      {Conns: 1, Depth: 1, Size: 64},
		"many":     {Conns: 8, Depth: 16, Size: 64},
		"large":    {Conns: 2, Depth: 8, Size: 64 << 10},
		"inflight": {Conns: 8, Depth: 1, Inflight: 5, Size: 300},
		"rate":     {Conns: 4, Depth: 1, Rate: 500, Size: 64},
		"idle":     {Conns: 20, Size: 64},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.Addr = p.start(t)
			cfg.Warmup, cfg.Duration = 5*time.Millisecond, 50*time.Millisecond
			res, err := p.Call(t.Context(), cfg)
			if err != nil || res.Errors != 0 || (res.Packets == 0) != (name == "idle") {
				t.Fatalf("%+v, %v", res, err)
			}
		})
	}
	t.Run("interrupted", func(t *testing.T) { p.interrupted(t) })
	t.Run("mode", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := p.Serve(ctx, "127.0.0.1:0", "other", io.Discard); err == nil {
			t.Error("no error")
		}
	})
	t.Run("address", func(t *testing.T) {
		if err := p.Serve(t.Context(), "nowhere", p.Mode, io.Discard); err == nil {
			t.Error("no error")
		}
	})
}

// start runs the server until the test ends, and returns its address.
func (p Peer) start(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := p.Serve(ctx, "127.0.0.1:0", p.Mode, in)
		in.CloseWithError(io.ErrUnexpectedEOF)
		ended <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "listening ")
	if err != nil || !ok {
		t.Fatalf("the server says %q, %v", line, err)
	}
	return addr
}

// interrupted ends a load in its midst: it still counts.
func (p Peer) interrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	res, err := p.Call(ctx, caller.Config{
		Addr: p.start(t), Conns: 2, Depth: 2, Size: 64, Duration: time.Hour, Patience: 5 * time.Second,
		Ready: func() error {
			time.AfterFunc(20*time.Millisecond, cancel)
			return nil
		},
	})
	if err != nil || res.Packets == 0 || res.Errors != 0 {
		t.Fatalf("%+v, %v", res, err)
	}
}
