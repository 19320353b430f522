package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/internal/command/commandtest"
	"github.com/packetmq/packetmq/registry"
)

const shop = "./internal/tsgen/testdata/shop"

func TestGenTSUsage(t *testing.T) {
	for _, test := range []struct {
		line           string
		code           int
		stdout, stderr string
	}{
		{"", 2, "", "packetmq: a command is missing\ntry: packetmq --help"},
		{"dance", 2, "", `packetmq: unknown command "dance"`},
		{"help", 0, "Available Commands", ""},
		{"gen", 2, "", "packetmq gen: the language is missing: ts or json\ntry: packetmq gen --help"},
		{"gen cobol", 2, "", `unknown command "cobol"`},
		{"gen ts", 2, "", "requires at least 1 arg"},
		{"gen ts . --check", 2, "", "--check needs -o"},
		{"gen ts . --sideways", 2, "", "unknown flag: --sideways"},
		{"gen ts --help", 0, "packetmq gen ts PATTERN...", ""},
		{"gen ts .", 1, "", "packetmq gen ts: schema: no packets, calls, states or errors are defined there: .\n"},
		{"completion bash", 0, "bash completion", ""},
		{"__complete ta", 0, "tail\tshow the packets of one conn", "Completion ended"},
		{"__complete top --sort=", 0, "pending_in\n", "Completion ended"},
		{"__complete siege r", 0, "run\ttry the server's promises", "Completion ended"},
	} {
		commandtest.Check(t, program{}, test.line, test.code, test.stdout, test.stderr)
	}
}

func TestGenTSWritesAndChecks(t *testing.T) {
	golden, err := os.ReadFile("internal/tsgen/testdata/shop.ts")
	if err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := execute(t, "gen", "ts", shop)
	if code != 0 || stdout != string(golden) || stderr != "" {
		t.Errorf("to standard output: code %d, %d bytes, %q", code, len(stdout), stderr)
	}
	file := filepath.Join(t.TempDir(), "shop.ts")
	if code, _, stderr = execute(t, "gen", "ts", shop, "-o", file, "--check"); code != 1 || !strings.Contains(stderr, "not what the Go source says") {
		t.Errorf("a check of no file: code %d, %q", code, stderr)
	}
	if code, _, stderr = execute(t, "gen", "ts", shop, "-o", file); code != 0 {
		t.Errorf("to a file: code %d, %q", code, stderr)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != string(golden) {
		t.Errorf("the file has %d bytes, %v", len(got), err)
	}
	if code, _, stderr = execute(t, "gen", "ts", shop, "-o", file, "--check"); code != 0 {
		t.Errorf("a check of what was written: code %d, %q", code, stderr)
	}
	if err := os.WriteFile(file, append(golden, '\n'), 0o666); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr = execute(t, "gen", "ts", shop, "-o", file, "--check"); code != 1 || !strings.Contains(stderr, file) {
		t.Errorf("a check of another file: code %d, %q", code, stderr)
	}
}

// What gen json writes is what a server of the same packages tells.
func TestGenJSONIsWhatPingIsGiven(t *testing.T) {
	file := filepath.Join(t.TempDir(), "packets.json")
	if code, _, stderr := execute(t, "gen", "json", "./testdata/chat", "-o", file); code != 0 {
		t.Fatalf("code %d, %s", code, stderr)
	}
	srv := newServer(t, registry.New(), nil)
	addr := listen(t, srv, "tcp://127.0.0.1:0")
	if code, out, stderr := execute(t, "ping", addr, "-n", "0", "--against", file); code != 0 || strings.Contains(out, "adapted") {
		t.Errorf("code %d, %s%s", code, out, stderr)
	}
}
