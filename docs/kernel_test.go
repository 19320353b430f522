package docs

// That package peer needs none of the packages that build on it: each of these can be deleted.

import (
	"os/exec"
	"strings"
	"testing"
)

func TestPeerNeedsNoCapability(t *testing.T) {
	const module = "github.com/packetmq/packetmq/"
	out, err := exec.Command("go", "list", "-deps", module+"peer").Output()
	if err != nil {
		t.Fatal(err)
	}
	kernel := map[string]bool{"peer": true, "registry": true, "codec": true, "memconn": true, "engine": true}
	found := 0
	for _, path := range strings.Fields(string(out)) {
		name, ours := strings.CutPrefix(path, module)
		if !ours || strings.HasPrefix(name, "internal/") {
			continue
		}
		found++
		if !kernel[name] {
			t.Errorf("peer needs %s", name)
		}
	}
	if found != len(kernel) {
		t.Errorf("peer needs %d packages of the kernel, itself included, want %d", found, len(kernel))
	}
}
