package docs

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write configuration.md anew")

// configuration.md is made from the comments in the source: each field's first
// sentence, and what follows "Default:".
func TestConfigurationIsThatOfTheSource(t *testing.T) {
	const doc = "configuration.md"
	var b bytes.Buffer
	b.WriteString(configurationHead)
	for _, c := range []struct{ folder, name, intro string }{
		{"peer", "Config", "A peer's: `peer.NewServer(reg, &peer.Config{…})`, and the same for a client."},
		{"peer", "Backoff", "How a client comes back: `Config.Reconnect`."},
		{"call", "Config", "Of a peer's calls: `call.Configure(srv, &call.Config{…})`."},
		{"session", "Config", "Of sessions: `session.Serve(srv, &session.Config{…})`, `session.Dial(ctx, cli, addr, &session.Config{…})`."},
		{"restart", "Config", "Of hand-overs between processes: `restart.New(&restart.Config{…})`."},
		{"capture", "Config", "Of a capture: `capture.New(file, capture.Config{…})`."},
		{"websocket", "Config", "Of WebSocket: `websocket.Enable(srv, &websocket.Config{…})`."},
		{"engine", "Config", "A reactor's: `peer.Config.Engine`, or `engine.New(&engine.Config{…})`."},
	} {
		s := source{t: t, folder: c.folder, structs: structsOf(t, filepath.Join("..", c.folder))}
		fmt.Fprintf(&b, "\n## %s.%s\n\n%s\n", c.folder, c.name, c.intro)
		s.table(&b, c.name)
	}
	if *update {
		if err := os.WriteFile(doc, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, b.Bytes()) {
		t.Errorf("%s is not what the source says; go test ./docs -run Configuration -update writes it anew", doc)
	}
}

const configurationHead = `# Configuration

Every field of the configurations, from the comments in the source. A zero value means the default.
Groups are embedded structs: ` + "`cfg.OnMade = f`" + ` sets a field without its group, and a literal names it:

` + "```go" + `
cfg := &peer.Config{
	Times:  peer.Times{Handshake: 2 * time.Second},
	Events: peer.Events{OnMade: func(c *peer.Conn) { log.Println("made", c) }},
}
` + "```" + `

A test compares this file with the source; ` + "`go test ./docs -run Configuration -update`" + ` writes it anew.
`

// source is the configurations of one package.
type source struct {
	t       *testing.T
	folder  string
	structs map[string]*ast.StructType
}

// structsOf are the struct types of a package.
func structsOf(t *testing.T, folder string) map[string]*ast.StructType {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has %d files, %v", folder, len(files), err)
	}
	structs := make(map[string]*ast.StructType)
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				if s, ok := spec.Type.(*ast.StructType); ok {
					structs[spec.Name.Name] = s
				}
			}
			return true
		})
	}
	return structs
}

// table writes the fields of a struct, and then those of its groups.
func (s *source) table(b *bytes.Buffer, name string) {
	var groups []string
	b.WriteString("\n| field | type | default | what it is |\n|---|---|---|---|\n")
	for _, field := range s.structs[name].Fields.List {
		if len(field.Names) == 0 {
			groups = append(groups, field.Type.(*ast.Ident).Name)
			continue
		}
		for _, n := range field.Names {
			what, otherwise := s.explained(name+"."+n.Name, field.Doc.Text())
			fmt.Fprintf(b, "| `%s` | `%s` | %s | %s |\n", n.Name, typeText(field.Type), otherwise, what)
		}
	}
	for _, group := range groups {
		fmt.Fprintf(b, "\n### %s\n", group)
		s.table(b, group)
	}
}

var (
	sentenceEnd = regexp.MustCompile(`\.(\s|$)`)
	defaultText = regexp.MustCompile(`Default: (.*)$`)
)

// explained is the first sentence of a field's comment, and its default.
func (s *source) explained(field, doc string) (what, otherwise string) {
	doc = strings.Join(strings.Fields(doc), " ")
	if m := defaultText.FindStringSubmatch(doc); m != nil {
		otherwise = strings.TrimSuffix(m[1], ".")
	} else {
		s.t.Errorf("the comment of %s.%s does not end with its default, as in \"Default: 5 s.\"", s.folder, field)
	}
	if end := sentenceEnd.FindStringIndex(doc); end != nil {
		what = doc[:end[0]+1]
	}
	name := field[strings.LastIndexByte(field, '.')+1:]
	if !strings.HasPrefix(what, name+" ") {
		s.t.Errorf("the comment of %s.%s does not begin with its name", s.folder, field)
	}
	return what, otherwise
}

// typeText is a type as it is written; that of a function without the names of its
// parameters.
func typeText(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return "*" + typeText(e.X)
	case *ast.SelectorExpr:
		return typeText(e.X) + "." + e.Sel.Name
	case *ast.ArrayType:
		return "[]" + typeText(e.Elt)
	case *ast.FuncType:
		var parts []string
		for _, p := range e.Params.List {
			for range max(len(p.Names), 1) {
				parts = append(parts, typeText(p.Type))
			}
		}
		text := "func(" + strings.Join(parts, ", ") + ")"
		var results []string
		if e.Results != nil {
			for _, r := range e.Results.List {
				results = append(results, typeText(r.Type))
			}
		}
		switch len(results) {
		case 0:
			return text
		case 1:
			return text + " " + results[0]
		}
		return text + " (" + strings.Join(results, ", ") + ")"
	}
	return fmt.Sprintf("%T", e)
}
