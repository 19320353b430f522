package docs

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/packetmq/packetmq"

// TestThePictureHasTheArrowsOfTheCode compares the picture of ARCHITECTURE.md
// with the imports of all packages on Linux, tests and examples left out.
func TestThePictureHasTheArrowsOfTheCode(t *testing.T) {
	drawn := arrowsOf(t, read(t, "../ARCHITECTURE.md"))
	imports := importsOfPackages(t)
	for _, missing := range difference(imports, drawn) {
		t.Errorf("the code has %s, the picture does not", missing)
	}
	for _, extra := range difference(drawn, imports) {
		t.Errorf("the picture has %s, the code does not", extra)
	}
}

// TestAWrongArrowIsFound sees that the test above can fail.
func TestAWrongArrowIsFound(t *testing.T) {
	drawn := arrowsOf(t, "```mermaid\nflowchart TD\n  a --> b & c\n  c --> d\n```\n")
	want := map[string]bool{"a --> b": true, "a --> c": true, "c --> d": true}
	if !maps.Equal(drawn, want) {
		t.Errorf("the arrows are %v, want %v", drawn, want)
	}
	if got := difference(want, map[string]bool{"a --> b": true, "b --> a": true}); len(got) != 2 {
		t.Errorf("the difference is %q, want two arrows", got)
	}
}

// TestArchitectureNamesEachPackage looks for the path of each package of the
// core module, examples left out.
func TestArchitectureNamesEachPackage(t *testing.T) {
	text := read(t, "../ARCHITECTURE.md")
	for _, path := range listPackages(t, "{{.ImportPath}}") {
		path = strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
		if path != "" && !strings.HasPrefix(path, "examples/") && !strings.Contains(text, "`"+path+"`") {
			t.Errorf("ARCHITECTURE.md does not name the package `%s`", path)
		}
	}
}

var sourceFile = regexp.MustCompile("`([a-z0-9_./-]+\\.(?:go|sh|js|py|txt|conf))`")

// TestNamedFilesExist looks for the files that ARCHITECTURE.md, CONTRIBUTING.md
// and the decisions name by their path.
func TestNamedFilesExist(t *testing.T) {
	docs, err := filepath.Glob("decisions/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range append(docs, "../ARCHITECTURE.md", "../CONTRIBUTING.md") {
		for _, m := range sourceFile.FindAllStringSubmatch(read(t, doc), -1) {
			if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
				t.Errorf("%s names %s: %v", doc, m[1], err)
			}
		}
	}
}

// arrowsOf are the arrows of the first mermaid picture in a text. A line can have
// several heads: a --> b & c.
func arrowsOf(t *testing.T, text string) map[string]bool {
	t.Helper()
	_, picture, ok := strings.Cut(text, "\n```mermaid\n")
	if !ok {
		picture, ok = strings.CutPrefix(text, "```mermaid\n")
	}
	picture, _, closed := strings.Cut(picture, "\n```")
	if !ok || !closed {
		t.Fatal("there is no picture")
	}
	arrows := make(map[string]bool)
	for line := range strings.Lines(picture) {
		from, heads, ok := strings.Cut(line, "-->")
		if !ok {
			continue
		}
		for to := range strings.SplitSeq(heads, "&") {
			arrows[arrow(strings.TrimSpace(from), strings.TrimSpace(to))] = true
		}
	}
	return arrows
}

func arrow(from, to string) string { return fmt.Sprintf("%s --> %s", from, to) }

// importsOfPackages are the imports of the core module's packages as arrows,
// those of the standard library left out.
func importsOfPackages(t *testing.T) map[string]bool {
	t.Helper()
	arrows := make(map[string]bool)
	for _, line := range listPackages(t, "{{.ImportPath}} {{join .Imports \" \"}}") {
		words := strings.Fields(line)
		if strings.HasPrefix(words[0], module+"/examples/") {
			continue
		}
		for _, to := range words[1:] {
			if host, _, _ := strings.Cut(to, "/"); strings.Contains(host, ".") {
				arrows[arrow(nodeOf(words[0]), nodeOf(to))] = true
			}
		}
	}
	return arrows
}

// nodeOf is how the picture calls a package: one of ours by the last part of its
// path, another one by its module.
func nodeOf(path string) string {
	if own, ok := strings.CutPrefix(path, module); ok {
		return filepath.Base(own)
	}
	parts := strings.Split(path, "/") // host, owner, name
	return parts[min(2, len(parts)-1)]
}

// listPackages are the lines that go list prints for the core module on Linux.
func listPackages(t *testing.T, format string) []string {
	t.Helper()
	list := exec.Command("go", "list", "-f", format, "../...")
	list.Env = append(os.Environ(), "GOOS=linux")
	list.Stderr = t.Output()
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// difference is what the first set has and the second has not, in order.
func difference(a, b map[string]bool) (list []string) {
	for k := range a {
		if !b[k] {
			list = append(list, k)
		}
	}
	slices.Sort(list)
	return list
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
