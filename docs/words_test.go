package docs

// The words of log lines: the table in metrics.md against the source.

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// logCalls are the functions that log, and which of their arguments the first word is.
var logCalls = map[string]int{"logLine": 2, "log": 2, "Log": 2}

func TestLogLinesHaveTheWordsOfTheTable(t *testing.T) {
	table := wordsOfTable(t)
	used := make(map[string]bool)
	err := filepath.WalkDir("..", func(path string, d os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || isOtherModule(path) {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, word := range wordsOf(f) {
			used[word] = true
			if !slices.Contains(table, word) {
				t.Errorf("%s logs the attribute %q, which is no word of metrics.md: use one of these, or add it there", path, word)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range table {
		if !used[word] {
			t.Errorf("metrics.md has the word %q, which nothing logs", word)
		}
	}
}

// isOtherModule reports whether a file is in none of the packages of the library.
func isOtherModule(path string) bool {
	for _, folder := range []string{"bench", "cmd", "siege", "tools", "examples", "prometheus", "otel"} {
		if strings.HasPrefix(path, filepath.Join("..", folder)+string(filepath.Separator)) {
			return true
		}
	}
	return false
}

// wordsOf are the words that a file logs: constant arguments at every second place after the
// message.
func wordsOf(f *ast.File) (words []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			name := ""
			switch fn := n.Fun.(type) {
			case *ast.Ident:
				name = fn.Name
			case *ast.SelectorExpr:
				name = fn.Sel.Name
			}
			if name == "append" && isNamed(n.Args[0], "args") { // what every line has
				for i := 1; i < len(n.Args); i += 2 {
					words = appendWord(words, n.Args[i])
				}
				return true
			}
			first, ok := logCalls[name]
			if !ok {
				return true
			}
			if len(n.Args) == 0 || !isLevel(n.Args[0]) { // Reactor.Log has the logger before the level
				first++
			}
			for i := first; i < len(n.Args); i += 2 {
				words = appendWord(words, n.Args[i])
			}
		case *ast.CompositeLit: // args := []any{"packet", …}
			if array, ok := n.Type.(*ast.ArrayType); ok && array.Len == nil {
				if elem, ok := array.Elt.(*ast.Ident); ok && elem.Name == "any" {
					for i := 0; i < len(n.Elts); i += 2 {
						words = appendWord(words, n.Elts[i])
					}
				}
			}
		}
		return true
	})
	return words
}

func isNamed(arg ast.Expr, name string) bool {
	id, ok := arg.(*ast.Ident)
	return ok && id.Name == name
}

// isLevel reports whether an argument is a level.
func isLevel(arg ast.Expr) bool {
	switch arg := arg.(type) {
	case *ast.Ident:
		return arg.Name == "level"
	case *ast.SelectorExpr:
		return strings.HasPrefix(arg.Sel.Name, "Level")
	}
	return false
}

func appendWord(words []string, arg ast.Expr) []string {
	if lit, ok := arg.(*ast.BasicLit); ok && lit.Kind == token.STRING {
		if word, err := strconv.Unquote(lit.Value); err == nil {
			return append(words, word)
		}
	}
	return words
}

var tableWord = regexp.MustCompile("`([^`]+)`")

func wordsOfTable(t *testing.T) (words []string) {
	t.Helper()
	_, part, ok := strings.Cut(read(t, "metrics.md"), "\n## Words\n")
	if !ok {
		t.Fatal("metrics.md has no part \"Words\"")
	}
	for line := range strings.Lines(part) {
		if cells := strings.Split(line, "|"); len(cells) == 4 {
			for _, m := range tableWord.FindAllStringSubmatch(cells[1], -1) {
				words = append(words, m[1])
			}
		}
	}
	return words
}
