package main

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/internal/command"
)

func TestCommandLine(t *testing.T) {
	for _, test := range []struct {
		args     string
		code     int
		out, err string // what they contain
	}{
		{"", 2, "", "usage: siege"},
		{"help", 0, "soak", ""},
		{"run -h", 0, "-only", ""},
		{"run --only nonsense", 2, "", `"nonsense"`},
		{"run --conns -1", 2, "", "--conns"},
		{"run --only wrong --server /nowhere/at/all", 1, "/nowhere/at/all", "promised"},
		{"soak -h", 0, "-duration", ""},
		{"soak --duration 0s", 2, "", "--duration"},
		{"soak --clients 0", 2, "", "--clients"},
		{"soak --server /nowhere/at/all", 1, "", "/nowhere/at/all"},
	} {
		t.Run(test.args, func(t *testing.T) {
			var out, err strings.Builder
			code := tool().Run(context.Background(), strings.Fields(test.args), command.IO{Out: &out, Err: &err})
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if !strings.Contains(out.String(), test.out) || test.out == "" && out.Len() > 0 {
				t.Errorf("standard output is %q, want %q in it", &out, test.out)
			}
			if !strings.Contains(err.String(), test.err) || test.err == "" && err.Len() > 0 {
				t.Errorf("standard error is %q, want %q in it", &err, test.err)
			}
		})
	}
}

// An attacker that used the server's code would not find its mistakes.
func TestAttacksShareNoCodeWithTheServer(t *testing.T) {
	const library, own = "github.com/packetmq/packetmq/", "github.com/packetmq/packetmq/siege"
	out, err := exec.Command("go", "list", "-deps", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for path := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(path+"/", library) && !strings.HasPrefix(path, own) && path != library+"internal/command" {
			t.Errorf("siege uses %s", path)
		}
	}
}
