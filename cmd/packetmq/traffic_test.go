package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/command/commandtest"
	"github.com/packetmq/packetmq/internal/leak"
)

func TestTrafficUsage(t *testing.T) {
	for _, test := range []struct {
		line           string
		code           int
		stdout, stderr string
	}{
		{"load", 2, "", "packetmq load: --connect is missing\ntry: packetmq load -h\n"},
		{"load --connect tcp://127.0.0.1:1 --conns 1", 1, "", "packetmq load: "},
		{"load -h", 0, "usage: packetmq load [flags]", ""},
		{"serve --mode fast", 2, "", "packetmq serve: --mode"},
		{"serve --help", 0, "usage: packetmq serve [flags]", ""},
		{"siege", 2, "", "usage: packetmq siege COMMAND"},
		{"siege run -h", 0, "usage: packetmq siege run [flags]", ""},
		{"siege run --only nonsense", 2, "", `packetmq siege run: `},
		{"siege soak --server /nowhere/at/all", 1, "", "/nowhere/at/all"},
	} {
		commandtest.Check(t, program{}, test.line, test.code, test.stdout, test.stderr)
	}
}

// A load on a server, both by the command.
func TestServeAndLoad(t *testing.T) {
	leak.Check(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, errs, code := begin(ctx, "serve", "--listen", "tcp://127.0.0.1:0")
	addr, ok := strings.CutPrefix(await.Value(t, "where it listens", out.ch), "listening ")
	if !ok {
		t.Fatal("it does not say where it listens")
	}
	got, stdout, stderr := execute(t, "load", "--connect", addr, "--conns", "2", "--depth", "2", "--duration", "50ms", "--json")
	if got != 0 || stderr != "" {
		t.Fatalf("load: code %d, %s%s", got, stdout, stderr)
	}
	all := strings.Split(strings.TrimSpace(stdout), "\n")
	var last struct {
		Result *struct{ Packets int }
	}
	if err := json.Unmarshal([]byte(all[len(all)-1]), &last); err != nil || last.Result == nil {
		t.Errorf("the last line is %s, %v", all[len(all)-1], err)
	}
	cancel()
	if got := await.Value(t, "the server's end", code); got != 0 || len(errs.ch) > 0 {
		t.Errorf("serve: code %d", got)
	}
}

func TestSiegeAttacksTheProgramItself(t *testing.T) {
	args := siegeArgs([]string{"run", "--quick"})
	if len(args) != 4 || args[0] != "run" || args[1] != "--server" || args[3] != "--quick" {
		t.Errorf("the arguments are %q", args)
	}
	if args := siegeArgs([]string{"help"}); len(args) != 1 {
		t.Errorf("the arguments are %q", args)
	}
}
