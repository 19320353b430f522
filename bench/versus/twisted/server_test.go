package twisted

import (
	"bufio"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

type payload struct {
	Seq  uint64 `msgpack:"seq"`
	TS   uint64 `msgpack:"ts"`
	Body []byte `msgpack:"body"`
}

// start runs the server until the test ends. It must end on SIGTERM.
func start(t *testing.T, mode string) (addr string) {
	t.Helper()
	if err := Available(); err != nil {
		t.Skip(err)
	}
	args, err := Args("127.0.0.1:0", mode)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(args[0], args[1:]...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server ended with %v\n%s", err, &stderr)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "listening ")
	if err != nil || !ok {
		t.Fatalf("the server says %q, %v\n%s", line, err, &stderr)
	}
	return addr
}

func TestEcho(t *testing.T) {
	for _, mode := range []string{"raw", "any"} {
		t.Run(mode, func(t *testing.T) {
			addr := start(t, mode)
			reg := registry.NewAdapting()
			echo := registry.MustAdd[payload](reg, "bench:echo", 17)
			reply := registry.MustAdd[payload](reg, "bench:reply", 18)
			client := peer.NewClient(reg, nil)
			defer client.Close()
			got := make(chan payload, 100)
			peer.Handle(client, reply, func(_ *peer.Conn, p *payload) error {
				got <- *p
				return nil
			})
			if err := client.RunAsync(); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			conn, err := client.Connect(ctx, "tcp://"+addr)
			if err != nil {
				t.Fatal(err)
			}
			for i := range uint64(cap(got)) {
				if err := peer.Send(conn, echo, sample(i)); err != nil {
					t.Fatal(err)
				}
			}
			for i := range uint64(cap(got)) {
				select {
				case p := <-got:
					if fmt.Sprint(p) != fmt.Sprint(*sample(i)) {
						t.Fatalf("reply %d is %v", i, p)
					}
				case <-ctx.Done():
					t.Fatalf("no reply %d", i)
				}
			}
		})
	}
}

func sample(i uint64) *payload {
	return &payload{1<<40 + i, 1<<63 + i, []byte(strings.Repeat("x", int(i)*10))}
}

func TestMode(t *testing.T) {
	if err := Serve(t.Context(), "127.0.0.1:0", "typed", nil); err == nil {
		t.Fatal("no error")
	}
}
