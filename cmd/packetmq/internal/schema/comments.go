package schema

// Comments of types, fields and constants, which the compiler's export data does not have: the
// files in which they are declared are parsed for them.

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
)

// formDirective stands in the comment of a type that encodes itself, and says what form its
// methods make: that which its fields would have as a map, or as an array.
const formDirective = "//packetmq:form "

// comments finds comments by where a name is declared.
type comments struct {
	files map[string]bool // that were parsed
	text  map[declared]string
	forms map[declared]string // what follows formDirective
}

// declared is a name and where it is declared.
type declared struct {
	file string
	line int
	name string
}

func newComments() *comments {
	return &comments{files: make(map[string]bool), text: make(map[declared]string), forms: make(map[declared]string)}
}

// of is the comment of what is declared at pos by the name; empty: there is none, or the file
// is not there, as where a library was built without its source.
func (c *comments) of(pos token.Position, name string) string {
	c.parse(pos.Filename)
	return c.text[declared{pos.Filename, pos.Line, name}]
}

// formOf is the form that the comment of a type says; empty: it says none.
func (c *comments) formOf(pos token.Position, name string) string {
	c.parse(pos.Filename)
	return c.forms[declared{pos.Filename, pos.Line, name}]
}

// parse reads the comments of a file, once.
func (c *comments) parse(file string) {
	if c.files[file] {
		return
	}
	c.files[file] = true
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err == nil {
		c.read(fset, f)
	}
}

// read notes the comments of a file that is parsed.
func (c *comments) read(fset *token.FileSet, f *ast.File) {
	file := fset.Position(f.Pos()).Filename
	c.files[file] = true
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
					if form := directive(s.Doc, n.Doc); form != "" {
						c.forms[declared{file, fset.Position(s.Name.Pos()).Line, s.Name.Name}] = form
					}
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

// directive is what follows formDirective in one of the comments.
func directive(groups ...*ast.CommentGroup) string {
	for _, g := range groups {
		if g == nil {
			continue
		}
		for _, c := range g.List {
			if form, ok := strings.CutPrefix(c.Text, formDirective); ok {
				return strings.TrimSpace(form)
			}
		}
	}
	return ""
}
