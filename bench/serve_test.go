package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
)

func TestServe(t *testing.T) {
	for _, mode := range echoModes {
		t.Run(mode, func(t *testing.T) {
			leak.Check(t)
			dir, err := os.MkdirTemp("", "bench") // a unix address must be short
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			path := filepath.Join(dir, "sock")
			server := start(t, nil, "serve", "--mode", mode, "--loops", "2",
				"--listen", "tcp://127.0.0.1:0", "--listen", "unix://"+path)
			tcp, unix := server.address(), server.address()
			if want := "unix://" + path; unix != want {
				t.Errorf("second line says %s, want %s", unix, want)
			}
			for _, addr := range []string{tcp, unix} {
				checkEcho(t, addr)
				checkLoad(t, addr)
			}
			server.cancel()
			server.wantCode(0)
			if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the socket is left: %v", err)
			}
		})
	}
}

// checkEcho sends one packet by hand, without any of load's code.
func checkEcho(t *testing.T, addr string) {
	t.Helper()
	reg, echo, err := clientRegistry()
	if err != nil {
		t.Fatal(err)
	}
	client := peer.NewClient(reg, nil)
	defer client.Close()
	replies := make(chan any, 1)
	client.Untyped().Handle(replyName, func(_ *peer.Conn, v any) error {
		replies <- v
		return nil
	})
	if err := client.RunAsync(); err != nil {
		t.Fatal(err)
	}
	c, err := client.Connect(context.Background(), addr)
	if err != nil {
		t.Fatal(err)
	}
	sent := payload{Seq: 1 << 40, TS: 7, Body: []byte{0, 1, 2, 0xff}}
	if err := c.Untyped().Send(echo, &sent); err != nil {
		t.Fatal(err)
	}
	got, ok := (<-replies).(map[string]any)
	if !ok || len(got) != 3 {
		t.Fatalf("%s answers %v", addr, got)
	}
	if body, _ := got["body"].([]byte); !bytes.Equal(body, sent.Body) {
		t.Errorf("%s answers %v, want %v", addr, got, sent)
	}
}

// checkLoad runs a short load.
func checkLoad(t *testing.T, addr string) {
	t.Helper()
	load := start(t, nil, "load", "--connect", addr, "--conns", "3", "--depth", "5", "--duration", "20ms", "--json")
	var last message
	for load.lines.Scan() {
		last = message{}
		if err := json.Unmarshal(load.lines.Bytes(), &last); err != nil {
			t.Fatal(err)
		}
	}
	if last.Result == nil {
		t.Fatalf("the last line is no result: %s", load.lines.Text())
	}
	if r := last.Result; r.Packets < 15 || r.Errors != 0 || r.Conns != 3 || r.P50 <= 0 || r.P99 < r.P50 || r.Max < r.P99 {
		t.Errorf("%s: got %+v", addr, r.sample)
	}
	load.wantCode(0)
}

// A raw server does not look at what it returns.
func TestServeRawReturnsAnything(t *testing.T) {
	server := start(t, nil, "serve", "--mode", "raw")
	reg, echo, err := clientRegistry()
	if err != nil {
		t.Fatal(err)
	}
	client := peer.NewClient(reg, nil)
	defer client.Close()
	replies := make(chan string, 1)
	client.Untyped().HandleRaw(replyName, func(_ *peer.Conn, b []byte) error {
		replies <- string(b)
		return nil
	})
	if err := client.RunAsync(); err != nil {
		t.Fatal(err)
	}
	c, err := client.Connect(context.Background(), server.address())
	if err != nil {
		t.Fatal(err)
	}
	const junk = "\xc1 is no msgpack"
	if err := c.SendRaw(echo, []byte(junk)); err != nil {
		t.Fatal(err)
	}
	if got := <-replies; got != junk {
		t.Errorf("got %q, want %q", got, junk)
	}
}

func TestServePortTaken(t *testing.T) {
	first := start(t, nil, "serve")
	second := start(t, nil, "serve", "--listen", first.address())
	second.wantCode(1)
}
