package schema

// Comments of types, fields and constants, which the compiler's export data does not have: the
// files in which they are declared are parsed for them.

import (
	"go/ast"
	"go/parser"
	"go/token"
)

// comments finds comments by where a name is declared.
type comments struct {
	files map[string]bool // that were parsed
	text  map[declared]string
}

// declared is a name and where it is declared.
type declared struct {
	file string
	line int
	name string
}

func newComments() *comments {
	return &comments{files: make(map[string]bool), text: make(map[declared]string)}
}

// of is the comment of what is declared at pos by the name; empty: there is none, or the file
// is not there, as where a library was built without its source.
func (c *comments) of(pos token.Position, name string) string {
	if !c.files[pos.Filename] {
		c.files[pos.Filename] = true
		c.parse(pos.Filename)
	}
	return c.text[declared{pos.Filename, pos.Line, name}]
}

func (c *comments) parse(file string) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return
	}
	note := func(id *ast.Ident, text string) {
		c.text[declared{file, fset.Position(id.Pos()).Line, id.Name}] = text
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			for _, spec := range n.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					note(s.Name, docOf(n, s.Doc, s.Comment))
				case *ast.ValueSpec:
					for _, id := range s.Names {
						note(id, docOf(n, s.Doc, s.Comment))
					}
				}
			}
		case *ast.Field:
			for _, id := range n.Names {
				note(id, docOf(nil, n.Doc, n.Comment))
			}
		}
		return true
	})
}
