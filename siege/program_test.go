package siege

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/internal/command/commandtest"
)

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		line     string
		code     int
		out, err string
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
		commandtest.Check(t, tool(), c.line, c.code, c.out, c.err)
	}
}

// An attacker that used the server's code would not find its mistakes.
func TestAttacksShareNoCodeWithTheServer(t *testing.T) {
	const library, own = "github.com/packetmq/packetmq/", "github.com/packetmq/packetmq/siege"
	frame := []string{library + "internal/command", library + "internal/figures"}
	out, err := exec.Command("go", "list", "-deps", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for path := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(path+"/", library) && !strings.HasPrefix(path, own) && !slices.Contains(frame, path) {
			t.Errorf("siege uses %s", path)
		}
	}
}
