package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/bench/versus/caller"
	"github.com/packetmq/packetmq/bench/versus/clusterpeer"
)

// Packets to users at another node, and questions to another node, are answered, and every byte is as
// it was.
func TestNodesAnswer(t *testing.T) {
	t.Setenv(asVersus, "1")
	for name, serve := range map[string]server{"packetmq": clusterpeer.Serve, "nats": clusterpeer.ServeNATS, "natsfloor": clusterpeer.ServeFloor} {
		for _, mode := range []string{"user", "ask"} {
			t.Run(name+" "+mode, func(t *testing.T) {
				addr := startServer(t, serve, mode)
				for _, size := range []int{64, 4 << 10} {
					res, err := calls()[name][mode](t.Context(), caller.Config{Addr: addr, Conns: 2, Depth: 5, Size: size, Warmup: time.Millisecond, Duration: 20 * time.Millisecond})
					if err != nil || res.Errors != 0 || res.Packets == 0 {
						t.Errorf("%d B: %+v, %v", size, res, err)
					}
				}
			})
		}
	}
}

// A packet for a room crosses once to each other node, whatever members there are.
func TestRoomCrossesOnceToEachNode(t *testing.T) {
	t.Setenv(asVersus, "1")
	for mode, others := range map[string]uint64{"across": 2, "alone": 0} {
		addr := startServer(t, clusterpeer.Serve, mode)
		res, err := calls()["packetmq"][mode](t.Context(), caller.Config{Addr: addr, Conns: 9, Depth: 2, Size: 64, Warmup: 5 * time.Millisecond, Duration: 30 * time.Millisecond})
		if err != nil || res.Packets == 0 || res.Packets != 9*res.Said || res.Crossed != others*res.Said {
			t.Errorf("%s: %+v, %v", mode, res, err)
		}
	}
}

// What nodes cannot do is an error, and leaves no process.
func TestNodesRefuse(t *testing.T) {
	for _, serve := range []server{clusterpeer.Serve, clusterpeer.ServeNATS, clusterpeer.ServeFloor} {
		if err := serve(t.Context(), "127.0.0.1:0", "other", io.Discard); err == nil {
			t.Error("no error for a mode that there is not")
		}
		if err := serve(t.Context(), "127.0.0.1:1", "user", io.Discard); err == nil {
			t.Error("no error for an address")
		}
	}
	for _, serve := range []server{clusterpeer.ServeNATS, clusterpeer.ServeFloor} {
		if err := serve(t.Context(), "127.0.0.1:0", "across", io.Discard); err == nil {
			t.Error("NATS has no rooms")
		}
	}
	for _, name := range []string{"packetmq", "nats", "natsfloor"} {
		if _, err := calls()[name]["user"](t.Context(), caller.Config{Addr: "127.0.0.1:1", Conns: 1, Depth: 1, Size: 64, Duration: time.Second}); err == nil {
			t.Error("no error for one address where two are to be")
		}
	}
}

// Clusters are a group that runs by itself. Its report has their figures.
func TestRunCluster(t *testing.T) {
	dir := bin(t)
	t.Setenv(asVersus, "1")
	results, folder := filepath.Join(t.TempDir(), "results.json"), t.TempDir()
	var progress bytes.Buffer
	code, out := run(t.Context(), &progress, "run", "--bin", dir, "--groups", "cluster", "--rounds", "1",
		"--cells", "user 1×1,call 1×1,at rest", "--window", "500ms", "--warmup", "5ms", "--patience", "0s", "--out", results, "--report", folder)
	if code != 0 || !strings.Contains(out, "a call to another node") {
		t.Fatalf("code %d: %s %s", code, out, &progress)
	}
	f, err := read(results)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Samples) != 7 {
		t.Errorf("%d samples", len(f.Samples))
	}
	for i := range f.Samples {
		s := &f.Samples[i]
		if s.Failure != "" || s.ServerCPU <= 0 || (s.Packets == 0) != (s.Mode == "still") || (s.RSS > 0) != (s.Mode == "still") {
			t.Errorf("%+v", s)
		}
		if s.Mode == "still" && s.Load.Conns != 3 {
			t.Errorf("%d nodes are at rest", s.Load.Conns)
		}
	}
	text, err := os.ReadFile(filepath.Join(folder, "REPORT.md"))
	if err != nil || !strings.Contains(string(text), "## Clusters") {
		t.Errorf("the report has no clusters: %v", err)
	}
}
