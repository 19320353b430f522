package docs

// The table "Who may call what" of guarantees.md against the source: what it lists as for
// the loop only is what the comments of the source say that of.

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestLoopOnlyOfGuaranteesIsThatOfTheSource(t *testing.T) {
	source, table := loopOnlyOfSource(t), loopOnlyOfTable(t)
	if len(source) < 20 {
		t.Errorf("the source has %d names for the loop only", len(source))
	}
	for _, name := range slices.Sorted(maps.Keys(source)) {
		if !table[name] {
			t.Errorf("the comment of %s says that it is for the loop only, and guarantees.md does not", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(table)) {
		if !source[name] {
			t.Errorf("guarantees.md says that %s is for the loop only, and its comment does not", name)
		}
	}
}

var loopOnly = regexp.MustCompile(`On the (conn's )?loop only\b`)

func isLoopOnly(doc *ast.CommentGroup) bool {
	return loopOnly.MatchString(strings.Join(strings.Fields(doc.Text()), " "))
}

// loopOnlyOfSource has the exported functions, methods and types whose comments say that
// they are for the loop only: "peer.Reply", "engine.Conn.Out", "engine.Cache".
func loopOnlyOfSource(t *testing.T) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	for _, folder := range []string{"codec", "engine", "memconn", "peer", "registry"} {
		files, err := filepath.Glob(filepath.Join("..", folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		note := func(doc *ast.CommentGroup, path ...string) {
			if isLoopOnly(doc) && !slices.ContainsFunc(path, func(name string) bool { return !ast.IsExported(name) }) {
				names[folder+"."+strings.Join(path, ".")] = true
			}
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, decl := range f.Decls {
				switch d := decl.(type) {
				case *ast.FuncDecl:
					if d.Recv == nil {
						note(d.Doc, d.Name.Name)
					} else {
						note(d.Doc, receiver(d), d.Name.Name)
					}
				case *ast.GenDecl:
					for _, spec := range d.Specs {
						typ, ok := spec.(*ast.TypeSpec)
						if !ok {
							continue
						}
						note(d.Doc, typ.Name.Name)
						if i, ok := typ.Type.(*ast.InterfaceType); ok {
							for _, m := range i.Methods.List {
								for _, name := range m.Names {
									note(m.Doc, typ.Name.Name, name.Name)
								}
							}
						}
					}
				}
			}
		}
	}
	return names
}

// receiver is the name of the type that a method is of.
func receiver(d *ast.FuncDecl) string {
	typ := d.Recv.List[0].Type
	if p, ok := typ.(*ast.StarExpr); ok {
		typ = p.X
	}
	if name, ok := typ.(*ast.Ident); ok {
		return name.Name
	}
	return "" // of a generic type
}

// loopOnlyOfTable has the names in the column "loop only", as loopOnlyOfSource writes them. A
// row that says "all" there without a word more is of types that are for the loop only.
func loopOnlyOfTable(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("guarantees.md")
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(text), "\n## Who may call what\n")
	part, _, _ = strings.Cut(part, "\n## ")
	names := make(map[string]bool)
	for line := range strings.Lines(part) {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || strings.Contains(line, "---") || strings.Contains(line, "loop only") {
			continue
		}
		subjects := quotedNames(cells[1])
		folder, _, _ := strings.Cut(subjects[0], ".")
		functions := strings.Contains(cells[1], "functions of")
		for i, s := range subjects {
			subjects[i] = strings.TrimPrefix(s, folder+".")
		}
		members := quotedNames(cells[3])
		switch {
		case functions:
			for _, name := range members {
				names[folder+"."+name] = true
			}
		case strings.TrimSpace(cells[3]) == "all" && strings.TrimSpace(cells[2]) == "":
			for _, s := range subjects {
				names[folder+"."+s] = true
			}
		case len(members) > 0:
			last := subjects[len(subjects)-1] // the one that the row is about, where it has several
			for _, name := range members {
				names[folder+"."+last+"."+name] = true
			}
		}
	}
	return names
}

func quotedNames(cell string) (names []string) {
	for _, m := range quoted.FindAllStringSubmatch(cell, -1) {
		names = append(names, m[1])
	}
	return names
}
