package embedded

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// prelude has what the snippets of docs/cluster.md take for granted.
const prelude = `package snippets

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/cluster"
	"github.com/packetmq/packetmq/cluster/embedded"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/room"
	"github.com/packetmq/packetmq/session"
)

type Order struct{ Item int }

var (
	ctx     = context.Background()
	srv     *peer.Server
	nc      *nats.Conn
	secret  string
	message string
	player  *session.Session

	sessions   *session.Sessions
	blobOf     func(*session.Session) []byte
	playerFrom func([]byte) any
	chat    = registry.Define[string]("chat", 40)
	buy     = call.Define[Order, int]("buy", 42)

	_ room.Room
	_ = cluster.Join
	_ = embedded.New
)
`

// The snippets of docs/cluster.md compile. They are marked as Go that needs these modules.
func TestSnippetsCompile(t *testing.T) {
	text, err := os.ReadFile("../../docs/cluster.md")
	if err != nil {
		t.Fatal(err)
	}
	code, n := prelude, 0
	for rest, found := string(text), true; ; n++ {
		var snippet string
		if _, rest, found = strings.Cut(rest, "```go cluster\n"); !found {
			break
		}
		snippet, rest, _ = strings.Cut(rest, "```\n")
		code += "\nfunc _() {\n" + snippet + "}\n"
	}
	if n == 0 {
		t.Fatal("there is none")
	}
	if wrong := build(t, code); wrong != "" {
		t.Errorf("%s\nof\n%s", wrong, code)
	}
	if wrong := build(t, prelude+"\nfunc _() { cluster.Join(1) }\n"); wrong == "" {
		t.Error("what is wrong compiles")
	}
}

// build builds a package in this module, and returns what is wrong with it, but for variables
// that are not used.
func build(t *testing.T, code string) (wrong string) {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "snippets.go")
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(here, "internal", "snippets", "snippets.go"): file}})
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{file: []byte(code), filepath.Join(dir, "overlay.json"): overlay} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-gcflags=-e", "-overlay", filepath.Join(dir, "overlay.json"), "./internal/snippets")
	out, err := cmd.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, "declared and not used") && !strings.HasPrefix(line, "# ") {
			wrong += line
		}
	}
	if err != nil && len(out) == 0 {
		t.Fatal(err)
	}
	return wrong
}
