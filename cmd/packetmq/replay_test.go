package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/cmd/packetmq/internal/replay"
	"github.com/packetmq/packetmq/internal/command/commandtest"
)

func TestReplayUsage(t *testing.T) {
	for _, test := range []struct {
		line           string
		code           int
		stdout, stderr string
	}{
		{"replay main.go .", 2, "", "accepts 3 arg(s)"},
		{"replay --help", 0, "packetmq replay FILE PACKAGE FUNC", ""},
		{"replay main.go . a.b", 2, "", "want the name of a function"},
		{"replay nowhere.pmqcap . f", 1, "", "nowhere.pmqcap"},
		{"replay main.go ./nowhere f", 1, "", "packetmq replay: replay: "},
		{"replay main.go ./testdata/... f", 1, "", "packages, want one"},
	} {
		commandtest.Check(t, program{}, test.line, test.code, test.stdout, test.stderr)
	}
}

func TestReplay(t *testing.T) {
	const counter = "./testdata/counter"
	file := record(t)
	code, out, stderr := execute(t, "replay", file, counter, "newReplay")
	if code != 0 || !strings.Contains(out, " records of 1 conns were played; ") || !strings.Contains(out, " 0 differences\n") {
		t.Errorf("as it was: code %d, %s%s", code, out, stderr)
	}

	code, out, stderr = execute(t, "replay", file, counter, "newOther", "--json")
	var r replay.Result
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != 1 || !strings.Contains(stderr, "does not do what it did then") {
		t.Fatalf("otherwise: code %d, %v, %s%s", code, err, out, stderr)
	}
	if r.Conns != 1 || len(r.Differences) != 1 || !strings.Contains(r.Differences[0], "of the output differs: it was 01, and is 02") {
		t.Errorf("the result is %s", out)
	}

	for function, want := range map[string]string{
		"newNone":    "program has no server",
		"newPanic":   "no program",
		"newNothing": "undefined: newNothing",
	} {
		if code, _, stderr = execute(t, "replay", file, counter, function); code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%s: code %d, %s", function, code, stderr)
		}
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, whole[:len(whole)-5], 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, stderr = execute(t, "replay", file, counter, "newReplay"); code != 1 || !strings.Contains(stderr, "record at byte") || !strings.Contains(out, "were played") {
		t.Errorf("cut short: code %d, %s%s", code, out, stderr)
	}
}
