// Package docs holds the long documents. Its tests hold the documents of the
// whole repository against the code: every Go snippet is type-checked, every
// test that a document names exists, and every link leads somewhere.
package docs

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A snippet is a whole program, declarations, or statements. Statements are
// checked as the body of a function. Declarations can be used by the snippets
// after them in the same document. What the prose takes for granted, such as a
// conn or a context, is declared in testdata/NAME.go, for the document NAME.md.
func TestSnippetsCompile(t *testing.T) {
	imports := exports(t)
	for _, doc := range documents(t) {
		t.Run(filepath.Base(doc), func(t *testing.T) {
			c := checker{fset: token.NewFileSet(), importer: imports}
			var own string // of the fragments
			if prelude, err := os.ReadFile(preludeOf(doc)); err == nil {
				own = importsOf(t, prelude)
				c.add(t, preludeOf(doc), string(prelude))
			}
			for _, s := range snippets(t, doc) {
				if strings.HasPrefix(s.code, "package ") {
					whole := checker{fset: c.fset, importer: imports}
					whole.add(t, s.at(), s.code)
					whole.check(t)
					continue
				}
				c.addFragment(t, s, own)
			}
			c.check(t)
		})
	}
}

// The test above has to see what is wrong.
func TestAWrongSnippetIsFound(t *testing.T) {
	imports := exports(t)
	for name, code := range map[string]string{
		"no such function": "peer.NewNothing()",
		"wrong arguments":  "peer.NewServer(1, 2, 3)",
		"no such variable": "undeclared.Close()",
		"declared twice":   "a := 1\na := 2",
	} {
		t.Run(name, func(t *testing.T) {
			c := checker{fset: token.NewFileSet(), importer: imports}
			c.addFragment(t, snippet{"x.md", 1, code}, `import "github.com/packetmq/packetmq/peer"`)
			if c.problem() == nil {
				t.Errorf("%q passes", code)
			}
		})
	}
}

// documents are all Markdown files of the repository.
func documents(t *testing.T) (paths []string) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != ".." || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if err == nil && filepath.Ext(path) == ".md" {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil || len(paths) < 5 {
		t.Fatalf("documents are %q, %v", paths, err)
	}
	return paths
}

// preludeOf is the file that declares what a document takes for granted.
func preludeOf(doc string) string {
	return filepath.Join("testdata", strings.TrimSuffix(filepath.Base(doc), ".md")+".go")
}

type snippet struct {
	doc  string
	line int
	code string
}

func (s *snippet) at() string { return fmt.Sprintf("%s:%d", s.doc, s.line) }

// snippets are the blocks between a line "```go" and one "```".
func snippets(t *testing.T, doc string) (list []snippet) {
	t.Helper()
	text, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	inside := false
	for i, line := range strings.SplitAfter(string(text), "\n") {
		switch fence := strings.TrimSpace(line); {
		case !inside && fence == "```go":
			inside = true
			list = append(list, snippet{doc: doc, line: i + 2})
		case inside && fence == "```":
			inside = false
		case inside:
			list[len(list)-1].code += line
		}
	}
	return list
}

// checker is one package of snippets.
type checker struct {
	fset     *token.FileSet
	importer types.Importer
	files    []*ast.File
}

// add takes a whole file.
func (c *checker) add(t *testing.T, name, code string) {
	t.Helper()
	f, err := parser.ParseFile(c.fset, name, code, parser.SkipObjectResolution)
	if err != nil {
		t.Error(err)
		return
	}
	c.files = append(c.files, f)
}

// addFragment takes declarations or statements.
func (c *checker) addFragment(t *testing.T, s snippet, imports string) {
	t.Helper()
	position := fmt.Sprintf("\n//line %s\n", s.at())
	if strings.HasPrefix(s.code, "import ") { // which come first in a file
		imports = ""
	}
	head := "package p\n" + imports
	if f, err := parser.ParseFile(c.fset, s.at(), head+position+s.code, parser.SkipObjectResolution); err == nil {
		c.files = append(c.files, f)
		return
	}
	f, err := parser.ParseFile(c.fset, s.at(), head+"\nfunc _() {"+position+s.code+"\n}", parser.SkipObjectResolution)
	if err != nil {
		t.Error(err)
		return
	}
	c.files = append(c.files, f)
}

func (c *checker) check(t *testing.T) {
	t.Helper()
	if err := c.problem(); err != nil {
		t.Error(err)
	}
}

// problem is all that is wrong. What a snippet declares and does not use is for
// its reader.
func (c *checker) problem() error {
	var problems []error
	cfg := types.Config{Importer: c.importer, Error: func(err error) {
		if !strings.Contains(err.Error(), "and not used") {
			problems = append(problems, err)
		}
	}}
	cfg.Check("p", c.fset, c.files, nil)
	return errors.Join(problems...)
}

// importsOf is the import declaration of a file.
func importsOf(t *testing.T, code []byte) string {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "", code, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, i := range f.Imports {
		fmt.Fprintf(&b, "import %s\n", i.Path.Value)
	}
	return b.String()
}

// exports imports packages from what the go command has compiled of them.
func exports(t *testing.T) types.Importer {
	t.Helper()
	list := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", "../...",
		"bufio", "log", "log/slog", "os/exec", "os/signal", "crypto/tls")
	list.Stderr = t.Output()
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]string)
	for line := range bytes.Lines(out) {
		if path, file, ok := strings.Cut(strings.TrimSpace(string(line)), " "); ok {
			files[path] = file
		}
	}
	return importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		file, ok := files[path]
		if !ok {
			return nil, fmt.Errorf("no package %s", path)
		}
		return os.Open(file)
	})
}
