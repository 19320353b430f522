package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/bench/versus/result"
	"github.com/packetmq/packetmq/internal/command"
)

// run runs a command in this process.
func run(ctx context.Context, stderr io.Writer, args ...string) (code int, out string) {
	var stdout bytes.Buffer
	code = program().Run(ctx, args, command.IO{In: strings.NewReader(""), Out: &stdout, Err: stderr})
	return code, stdout.String()
}

func TestRun(t *testing.T) {
	dir := bin(t)
	t.Setenv(asVersus, "1")
	results, folder := filepath.Join(t.TempDir(), "new", "results.json"), t.TempDir()
	var progress bytes.Buffer
	// A machine with other work may give a server nothing of a short window.
	var code int
	var out string
	for window := 200 * time.Millisecond; window < 10*time.Second; window *= 4 {
		progress.Reset()
		code, out = run(t.Context(), &progress, "run", "--bin", dir, "--peers", "limit,gnet", "--modes", "raw,typed", "--rounds", "2",
			"--window", window.String(), "--warmup", "5ms", "--patience", "0s", "--groups", "closed,open", "--cells", "64 B 64×16,64 B 1×1",
			"--out", results, "--report", folder)
		if code != 0 {
			t.Fatalf("code %d: %s", code, &progress)
		}
		if !strings.Contains(progress.String(), "no packet was answered") {
			break
		}
	}
	if !strings.Contains(out, "gnet typed") || !strings.Contains(out, "64 B 1×1") {
		t.Errorf("the table is %s", out)
	}
	f, err := read(results)
	if err != nil {
		t.Fatal(err)
	}
	// Two cells for three subjects, and three rates for the two that are raw.
	if want := 2 * (2*3 + 3*2); len(f.Samples) != want {
		t.Errorf("%d samples, want %d", len(f.Samples), want)
	}
	for i := range f.Samples {
		s := &f.Samples[i]
		if s.Failure != "" || s.Packets == 0 || s.ServerCPU <= 0 || s.CPU <= 0 || s.P50 <= 0 {
			t.Errorf("%+v", s)
		}
		if open := s.Cell.Group == result.Open; open != (s.Rate > 0) {
			t.Errorf("rate %v: %+v", s.Rate, s)
		}
	}
	if m := f.Machine; m.CPUs < 1 || m.Go == "" || m.Kernel == "" || m.Cut || m.GOMAXPROCS != 1 || m.Date.IsZero() {
		t.Errorf("%+v", m)
	}
	for _, name := range []string{"REPORT.md", "cpu.svg", "latency.svg"} {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			t.Error(err)
		}
	}
	if code, _ := run(t.Context(), &progress, "report", "--dir", filepath.Join(folder, "again"), results); code != 0 {
		t.Errorf("report: %s", &progress)
	}
	if code, out := run(t.Context(), &progress, "compare", results, results); code != 0 || !strings.Contains(out, "+0.0 %") {
		t.Errorf("compare: %s %s", out, &progress)
	}
	if code, out := run(t.Context(), &progress, "compare", "--benchfmt", results); code != 0 || strings.Count(out, "\nBenchmarkVersus/") != len(f.Samples) {
		t.Errorf("compare --benchfmt: %s %s", out, &progress)
	}
}

func TestRunIdle(t *testing.T) {
	dir := bin(t)
	t.Setenv(asVersus, "1")
	results := filepath.Join(t.TempDir(), "results.json")
	var progress bytes.Buffer
	code, _ := run(t.Context(), &progress, "run", "--bin", dir, "--peers", "limit,nbio", "--modes", "raw", "--groups", "idle", "--idle", "200", "--out", results)
	if code != 0 {
		t.Fatal(progress.String())
	}
	f, err := read(results)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Samples) != 2 {
		t.Fatalf("%+v", f.Samples)
	}
	for i := range f.Samples {
		if s := &f.Samples[i]; s.Failure != "" || s.Cell.Conns != 200 || s.Peer == "nbio" && s.Heap <= 0 {
			t.Errorf("%+v", s)
		}
	}
}

// Calls are a group that runs by itself, each server with its library's client.
func TestRunCalls(t *testing.T) {
	dir := bin(t)
	t.Setenv(asVersus, "1")
	results, folder := filepath.Join(t.TempDir(), "results.json"), t.TempDir()
	var progress bytes.Buffer
	code, out := run(t.Context(), &progress, "run", "--bin", dir, "--peers", "grpc,ttrpc,netrpc,arpc,nats", "--groups", "calls", "--rounds", "1",
		"--window", "500ms", "--warmup", "5ms", "--patience", "0s", "--out", results, "--report", folder)
	if code != 0 || !strings.Contains(out, "netrpc call") {
		t.Fatalf("code %d: %s %s", code, out, &progress)
	}
	f, err := read(results)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Samples) != 2*5 {
		t.Errorf("%d samples", len(f.Samples))
	}
	for i := range f.Samples {
		if s := &f.Samples[i]; s.Failure != "" || s.Mode != "call" || s.Packets == 0 || s.ServerCPU <= 0 || s.Allocs == 0 {
			t.Errorf("%+v", s)
		}
	}
}

// Rooms are a group that runs by itself, whose members are the load of every server.
func TestRunRooms(t *testing.T) {
	dir := bin(t)
	t.Setenv(asVersus, "1")
	results, folder := filepath.Join(t.TempDir(), "results.json"), t.TempDir()
	var progress bytes.Buffer
	code, out := run(t.Context(), &progress, "run", "--bin", dir, "--peers", "limit,packetmq,nats,melody,centrifuge", "--groups", "rooms", "--rounds", "1",
		"--cells", "64 B 1000×1", "--window", "500ms", "--warmup", "5ms", "--patience", "0s", "--out", results, "--report", folder)
	if code != 0 || !strings.Contains(out, "melody room") {
		t.Fatalf("code %d: %s %s", code, out, &progress)
	}
	f, err := read(results)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Samples) != 6 {
		t.Errorf("%d samples", len(f.Samples))
	}
	for i := range f.Samples {
		if s := &f.Samples[i]; s.Failure != "" || s.Packets == 0 || s.Packets%1000 != 0 || s.ServerCPU <= 0 {
			t.Errorf("%+v", s)
		}
	}
}

// Sessions are a group that runs by itself. Its report says what a packet of one costs.
func TestRunSessions(t *testing.T) {
	dir := bin(t)
	t.Setenv(asVersus, "1")
	results, folder := filepath.Join(t.TempDir(), "results.json"), t.TempDir()
	var progress bytes.Buffer
	code, out := run(t.Context(), &progress, "run", "--bin", dir, "--peers", "packetmq", "--modes", "typed,session", "--groups", "sessions", "--rounds", "1",
		"--cells", "64 B 64×1", "--window", "50ms", "--warmup", "5ms", "--patience", "0s", "--out", results, "--report", folder)
	if code != 0 || !strings.Contains(out, "packetmq session") {
		t.Fatalf("code %d: %s %s", code, out, &progress)
	}
	f, err := read(results)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Samples) != 2 {
		t.Errorf("%d samples", len(f.Samples))
	}
	for i := range f.Samples {
		if s := &f.Samples[i]; s.Failure != "" || s.Packets == 0 || s.ServerCPU <= 0 {
			t.Errorf("%+v", s)
		}
	}
	text, err := os.ReadFile(filepath.Join(folder, "REPORT.md"))
	if err != nil || !strings.Contains(string(text), "## Sessions") {
		t.Errorf("the report has no sessions: %v", err)
	}
}

// An interruption leaves no process, and what was found by then.
func TestRunInterrupted(t *testing.T) {
	dir := bin(t)
	t.Setenv(asVersus, "1")
	for _, after := range []int{1, 6} { // samples; there are four servers, all running
		results := filepath.Join(t.TempDir(), "results.json")
		ctx, cancel := context.WithCancel(t.Context())
		told := 0
		stop := writer(func([]byte) {
			if told++; told == after {
				cancel()
			}
		})
		code, _ := run(ctx, stop, "run", "--bin", dir, "--peers", "limit,gnet", "--window", "20ms", "--warmup", "0s", "--rounds", "50", "--out", results)
		if code != 0 {
			t.Fatalf("code %d", code)
		}
		f, err := read(results)
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Samples) != after || !f.Machine.Cut {
			t.Errorf("%+v", f)
		}
		if left := children(t); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	}
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) {
	w(b)
	return len(b), nil
}

// children are the processes that this one has started and that still run.
func children(t *testing.T) (left []string) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) || err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(b), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid()) {
			left = append(left, string(b))
		}
	}
	return left
}

// fake makes programs of shell scripts that stand for a server and a load.
func fake(t *testing.T, server, load string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, script := range map[string]string{"limit": server, "load": load} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(dir, "versus")); err != nil {
		t.Fatal(err)
	}
	t.Setenv(asVersus, "1")
	return dir
}

// runFake runs what fake has made, and returns the samples in order.
func runFake(t *testing.T, dir, peers string, rounds int) []result.Sample {
	t.Helper()
	results := filepath.Join(dir, "results.json")
	var progress bytes.Buffer
	code, _ := run(t.Context(), &progress, "run", "--bin", dir, "--peers", peers, "--modes", "raw", "--groups", "closed", "--cells", "64 B 1×1",
		"--rounds", strconv.Itoa(rounds), "--window", "10ms", "--patience", "0s", "--out", results)
	f, err := read(results)
	if err != nil || code != 0 {
		t.Fatalf("%v %s", err, &progress)
	}
	if left := children(t); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	return f.Samples
}

// A server that does not start, or a load that finds it wrong, is in the
// results and does not end the run.
func TestRunGoesOn(t *testing.T) {
	dir := fake(t, "echo broken >&2; exit 1", "echo ready; read x; echo '{\"errors\":1}'")
	samples := runFake(t, dir, "limit,gnet", 1)
	for i := range samples {
		want := map[string]string{"limit": "broken", "gnet": "1 errors"}[samples[i].Peer]
		if !strings.Contains(samples[i].Failure, want) {
			t.Errorf("%s: %q, want %q", samples[i].Peer, samples[i].Failure, want)
		}
	}
	if len(samples) != 2 {
		t.Errorf("%d samples", len(samples))
	}
}

// A server runs through all rounds. One that fails is started anew for the next,
// and given up when that fails too.
func TestRunRestarts(t *testing.T) {
	const (
		server = "echo start >>$0.starts; echo listening 127.0.0.1:1; exec cat"
		load   = `echo ready; read x; echo '{"packets":1,"seconds":1}'`
		// nth does something the nth time only.
		nth   = `echo x >>$0.calls; if [ $(wc -l <$0.calls) %s ]; then %s; fi; `
		die   = "echo dying >&2; exit 1"
		wrong = `for pid; do :; done; kill -9 $pid; echo ready; read x; echo '{"errors":1}'; exit 1` // --pid is the last
	)
	for _, tc := range []struct {
		name         string
		server, load string
		starts       int
		want         []string // in the failure of each round; "" if there is none
	}{
		{"none fails", server, load, 1, []string{"", "", ""}},
		{"the server does not start at first", fmt.Sprintf(nth, "-eq 1", die) + server, load, 1, []string{"", "", ""}},
		{"the server never starts", "echo start >>$0.starts; " + die, load, 2, []string{"dying", "given up", "given up"}},
		{"the server ends under the load", server, fmt.Sprintf(nth, "-eq 2", wrong) + load, 2, []string{"", "1 errors", "", ""}},
		{"and again later", server, fmt.Sprintf(nth, "-ne 2", wrong) + load, 3, []string{"1 errors", "", "1 errors", "1 errors", "given up"}},
		{"and at once", server, wrong, 2, []string{"1 errors", "1 errors", "given up: 1 errors"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := fake(t, tc.server, tc.load)
			samples := runFake(t, dir, "limit", len(tc.want))
			if len(samples) != len(tc.want) {
				t.Fatalf("%d samples, want %d", len(samples), len(tc.want))
			}
			for i, want := range tc.want {
				if got := samples[i].Failure; samples[i].Round != i || (got == "") != (want == "") || !strings.Contains(got, want) {
					t.Errorf("round %d: %q, want %q", i, got, want)
				}
			}
			starts, err := os.ReadFile(filepath.Join(dir, "limit.starts"))
			if got := strings.Count(string(starts), "\n"); err != nil || got != tc.starts {
				t.Errorf("%d starts, want %d; %v", got, tc.starts, err)
			}
		})
	}
}

func TestCommandLine(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	for _, tc := range []struct {
		args string
		code int
	}{
		{"", 2}, {"help", 0}, {"what", 2}, {"run -h", 0}, {"run more", 2}, {"run --peers none", 2}, {"run --groups none", 2},
		{"run --cells none", 2}, {"run --rounds 0", 2}, {"serve", 2}, {"serve none", 2}, {"serve gnet --mode none", 1}, {"serve net --mode none", 1},
		{"serve net --loops 2", 2}, {"serve gnet --loops 0", 2}, {"serve gnet --loops two", 2},
		{"call", 2}, {"call none", 2}, {"call grpc", 1}, {"call grpc --mode none", 2}, {"call packetmq --mode typed", 1}, {"serve netrpc --mode raw", 1}, {"pin", 2}, {"pin x 0 true", 2}, {"pin 0 x true", 2}, {"pin 0 0 " + none, 1},
		{"report", 2}, {"report " + none, 1}, {"compare", 2}, {"compare " + none, 2}, {"compare --benchfmt " + none, 1}, {"compare " + none + " " + none, 1},
	} {
		var stderr bytes.Buffer
		code, out := run(t.Context(), &stderr, strings.Fields(tc.args)...)
		if code != tc.code || (code == 0) != (stderr.Len() == 0) || (code == 0) != (out != "") {
			t.Errorf("%q: code %d, want %d; %q %q", tc.args, code, tc.code, out, &stderr)
		}
	}
}
