package docs

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	command  = regexp.MustCompile("`([^`\n]*)`")
	runFlag  = regexp.MustCompile(`-(run|bench) ('([^']*)'|(\S+))`)
	pkgPath  = regexp.MustCompile(`(?:\./\S+|\s\.)(?:\s|$)`)
	onlyFlag = regexp.MustCompile(`siege run --only (\S+)`)
	siegeRow = regexp.MustCompile(`\{"(\w+)", "[^"]+", \d+, `)
)

// A command in a document that runs tests by name has some to run: each part of
// its pattern is the name of one in the packages it is for.
func TestCommandsRunTests(t *testing.T) {
	known := tests(t)
	for _, doc := range documents(t) {
		for _, line := range commands(t, doc) {
			at := strings.Index(line, "go test ")
			if at < 0 || strings.Contains(line, "./PACKAGE") { // which stands for any
				continue
			}
			var names []string
			for _, path := range pkgPath.FindAllString(line[at:], -1) {
				names = append(names, under(known, strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(path), "."), "/"), folderOf(line[:at]))...)
			}
			for _, flag := range runFlag.FindAllStringSubmatch(line[at:], -1) {
				for _, part := range strings.Split(flag[3]+flag[4], "|") {
					re, err := regexp.Compile(part)
					if err != nil || part == "^$" || part == "." {
						continue // a part of a group is no pattern; and these run none, or all
					}
					if !slices.ContainsFunc(names, re.MatchString) {
						t.Errorf("%s: `%s` runs nothing for %q", doc, line, part)
					}
				}
			}
		}
	}
}

// A row of the siege that a document names is there.
func TestSiegeRowsExist(t *testing.T) {
	code, err := os.ReadFile("../siege/attack/rows.go")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, m := range siegeRow.FindAllStringSubmatch(string(code), -1) {
		rows = append(rows, m[1])
	}
	named := 0
	for _, doc := range documents(t) {
		for _, line := range commands(t, doc) {
			if m := onlyFlag.FindStringSubmatch(line); m != nil {
				for row := range strings.SplitSeq(m[1], ",") {
					named++
					if !slices.Contains(rows, row) {
						t.Errorf("%s: `%s`: there is no row %q", doc, line, row)
					}
				}
			}
		}
	}
	if named == 0 {
		t.Error("no document names a row")
	}
}

// commands are what a document quotes in a line, as it would be typed.
func commands(t *testing.T, doc string) (list []string) {
	t.Helper()
	text, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range command.FindAllStringSubmatch(string(text), -1) {
		list = append(list, strings.ReplaceAll(m[1], `\|`, "|")) // as a table has it
	}
	return list
}

// folderOf is where a command goes before it runs tests.
func folderOf(before string) string {
	if _, to, ok := strings.Cut(before, "cd "); ok {
		to, _, _ = strings.Cut(to, " ")
		return to
	}
	return ""
}

// under are the tests of a package's folder, in that of a module, or below it
// where the path ends so.
func under(known map[string][]string, path, module string) (names []string) {
	path, below := strings.CutSuffix(strings.TrimSuffix(path, "/"), "...")
	want := strings.Trim(module+"/"+strings.TrimSuffix(path, "/"), "/")
	for folder, list := range known {
		if folder == want || below && (want == "" || strings.HasPrefix(folder, want)) {
			names = append(names, list...)
		}
	}
	return names
}

var (
	makeCall   = regexp.MustCompile(`^(?:\S+=\S+ )*make (.*)`)
	makeTarget = regexp.MustCompile(`(?m)^([a-z0-9-]+):`)
)

// A target of make that a document names is there.
func TestMakeTargetsExist(t *testing.T) {
	code, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	var targets []string
	for _, m := range makeTarget.FindAllStringSubmatch(string(code), -1) {
		targets = append(targets, m[1])
	}
	for _, doc := range documents(t) {
		for _, line := range commands(t, doc) {
			m := makeCall.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			for _, word := range strings.Fields(m[1]) {
				if !strings.Contains(word, "=") && !slices.Contains(targets, word) {
					t.Errorf("%s: `%s`: there is no target %q", doc, line, word)
				}
			}
		}
	}
}
