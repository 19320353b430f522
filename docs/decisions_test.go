package docs

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestDecisionsHaveOneForm: each decision has its number in its name and title, the
// four parts in their order, and a place in the index. No number is left out.
func TestDecisionsHaveOneForm(t *testing.T) {
	files, err := filepath.Glob("decisions/[0-9]*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("the decisions are %q, %v", files, err)
	}
	index := read(t, "decisions/README.md")
	for i, file := range files {
		name, text := filepath.Base(file), read(t, file)
		if want := fmt.Sprintf("%04d-", i+1); !strings.HasPrefix(name, want) {
			t.Fatalf("%s is where %s… should be", name, want)
		}
		head, _, _ := strings.Cut(text, "\n")
		number, title, ok := strings.Cut(strings.TrimPrefix(head, "# "), ". ")
		if !ok || number != fmt.Sprint(i+1) {
			t.Errorf("%s begins with %q", name, head)
		}
		if !strings.Contains(index, fmt.Sprintf("[%s](%s)", title, name)) {
			t.Errorf("%s is not in the index, or under another title than %q", name, title)
		}
		var parts []string
		for line := range strings.Lines(text) {
			if part, ok := strings.CutPrefix(line, "## "); ok {
				parts = append(parts, strings.TrimSpace(part))
			}
		}
		if got := strings.Join(parts, ", "); got != "Context, Decision, Measured, Consequences" {
			t.Errorf("%s has the parts %s", name, got)
		}
	}
}
