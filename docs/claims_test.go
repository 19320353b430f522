package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// tests are the names of all test functions, by the folder they are in, with
// the folder "" for all of the repository.
func tests(t *testing.T) map[string][]string {
	t.Helper()
	names := make(map[string][]string)
	err := filepath.WalkDir("..", func(path string, d os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel("..", filepath.Dir(path))
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil {
				names[folder] = append(names[folder], fn.Name.Name)
				names[""] = append(names[""], fn.Name.Name)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

var testName = regexp.MustCompile(`\b(Test|Fuzz|Benchmark)[A-Z]\w*`)

func TestNamedTestsExist(t *testing.T) {
	known := tests(t)[""]
	for _, doc := range documents(t) {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range testName.FindAllString(string(text), -1) {
			if !slices.ContainsFunc(known, func(test string) bool { return strings.HasPrefix(test, name) }) {
				t.Errorf("%s names %s, which is no test", doc, name)
			}
		}
	}
}

// The last table of from-python.md has a row for each call of the original, and
// the row names tests of the package beside it.
func TestEachCallOfTheOriginalNamesATest(t *testing.T) {
	known := tests(t)
	text, err := os.ReadFile("from-python.md")
	if err != nil {
		t.Fatal(err)
	}
	body, table, ok := strings.Cut(string(text), "\n## Which test shows it\n")
	if !ok {
		t.Fatal("from-python.md has no part \"Which test shows it\"")
	}
	var calls []string // the first column
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || strings.Contains(line, "---") || strings.Contains(cells[1], "original") {
			continue
		}
		calls = append(calls, cells[1])
		folder, named := strings.TrimSpace(cells[3]), testName.FindAllString(cells[4], -1)
		if len(named) == 0 {
			t.Errorf("the row of %s names no test", cells[1])
		}
		for _, name := range named {
			if !slices.Contains(known[folder], name) {
				t.Errorf("the row of %s names %s, which %s does not have", cells[1], name, folder)
			}
		}
	}
	if len(calls) < 40 {
		t.Errorf("the table has %d rows", len(calls))
	}
	all := strings.Join(calls, "\n")
	for line := range strings.Lines(body) {
		if heading, ok := strings.CutPrefix(line, "### "); ok {
			for _, call := range originalCalls(heading) {
				if !strings.Contains(all, call) {
					t.Errorf("%s, of the heading %q, has no row", call, strings.TrimSpace(heading))
				}
			}
		}
	}
}

var quoted = regexp.MustCompile("`([^`]+)`")

// originalCalls are the names that a heading quotes, without arguments, as far
// as they are the original's: what stands after " = " is ours.
func originalCalls(heading string) (names []string) {
	heading, _, _ = strings.Cut(heading, " = ")
	for _, m := range quoted.FindAllStringSubmatch(heading, -1) {
		name, _, _ := strings.Cut(m[1], "(")
		names = append(names, name)
	}
	return names
}

var link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

func TestLinksLeadSomewhere(t *testing.T) {
	for _, doc := range documents(t) {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(doc), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", doc, m[1], err)
			}
		}
	}
}

// A table whose rows are parted by an empty line is two tables, the second
// without a head.
func TestTablesAreWhole(t *testing.T) {
	for _, doc := range documents(t) {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		isRow := func(i int) bool { return i >= 0 && i < len(lines) && strings.HasPrefix(lines[i], "|") }
		for i := range lines {
			if isRow(i) && !isRow(i-1) && !(isRow(i+1) && strings.HasPrefix(strings.Trim(lines[i+1], "| "), "-") || isRow(i+1) && strings.HasPrefix(lines[i+1], "|:-")) {
				t.Errorf("%s:%d: the row begins a table that has no head", doc, i+1)
			}
		}
	}
}
