package schema

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// faults are packages that cannot be followed, and the line and the text of their errors. Line
// 13 is the first of the source.
var faults = []struct {
	name, source string
	line         int
	want         string
}{
	{"chan", "type T struct {\n\tA int\n\tB chan int\n}\nvar p = registry.Define[T](`a:b`, 20)", 15, "packet a:b: field B: chan int: msgpack has nothing for it"},
	{"func", "var p = registry.Define[func()](`a:b`, 20)", 13, "packet a:b: func(): msgpack has nothing for it"},
	{"complex", "var p = registry.Define[[]complex64](`a:b`, 20)", 13, "complex64: msgpack has nothing for it"},
	{"methods", "type T struct{ E fmt.Stringer }\nvar p = registry.Define[T](`a:b`, 20)", 13, "an interface with methods"},
	{"answer", "var p = call.Define[int, map[*int]int](`a:b`, 20)", 13, "call a:b: map[*int]int: a map on the wire cannot have such keys"},
	{"generic", "func f[T any]() { registry.Define[T](`a:b`, 20) }", 13, "packet a:b: T: it is a type parameter"},
	{"within", "type G[T any] struct{ A T }\nfunc f[T any]() { registry.Define[G[T]](`a:b`, 20) }", 13, "type parameter"},
	{"name", "func f(s string) { registry.Define[int](s, 20) }", 13, "the name of the packet is not a constant"},
	{"id", "func f(n int) { registry.Define[int](`a:b`, n) }", 13, "the id of a:b is not a constant"},
	{"small", "var p = registry.Define[int](`a:b`, 15)", 13, "the id of a:b is 15, want 16 to 65535"},
	{"form", "var p = registry.Define[int](`ab`, 16)", 13, "not of the form application:packet"},
	{"error", "var p = call.DefineError(`packetmq:b`)", 13, "the application packetmq is for internal packets"},
	{"twice", "var p = registry.Define[int](`a:b`, 16)\nvar q = registry.Define[int](`a:b`, 17)", 14, "a:b is defined in another way at"},
	{"other", "var p = registry.Define[int](`a:b`, 16)\nvar q = registry.Define[int8](`a:b`, 16)", 14, "a:b is defined in another way at"},
	{"taken", "var p = call.Define[int, int](`a:b`, 16)\nvar q = registry.Define[int](`a:c`, 17)", 14, "a:c = 17 is taken: a:b.answer = 17 is defined at"},
	{"option", "var o = registry.Optional()\nvar p = registry.Define[int](`a:b`, 16, o)", 14, "an option of a:b is no call of a function of registry"},
	{"options", "var p = registry.Define[int](`a:b`, 16, []registry.Option{}...)", 13, "the options of a:b are a slice"},
	{"size", "func f(n int) { registry.Define[int](`a:b`, 16, registry.MaxSize(n)) }", 13, "the MaxSize of a:b is not a constant"},
	{"key", "type T struct{ A uint64 }\nvar p = state.Define(`a:b`, 16, func(t *T) uint64 { return t.A * 2 })", 14, "state a:b: its key must be a function of this package that returns a field of the value"},
	{"keytext", "type T struct{ A string }\nvar p = state.Define(`a:b`, 16, func(t *T) uint64 { return uint64(len(t.A)) })", 14, "state a:b: its key"},
	{"keynil", "type T struct{ A uint64 }\nvar p = state.Define[T](`a:b`, 16, nil)", 14, "state a:b: its key"},
	{"embedded", "type T struct{ *T }\nvar p = registry.Define[T](`a:b`, 16)", 13, "it is embedded in itself"},
	{"double", "type T struct { A int; B int `msgpack:\"A\"` }\nvar p = registry.Define[T](`a:b`, 16)", 13, "B: another field has its name"},
	{"inline", "type U struct{ A int }\ntype T struct { A int; U `msgpack:\",inline\"` }\nvar p = registry.Define[T](`a:b`, 16)", 14, "U: a field in it has the name of another field"},
	{"hidden", "type u struct{ A int }\ntype T struct{ *u }\nvar p = registry.Define[T](`a:b`, 16)", 14, "its name is not exported, so it cannot be set"},
	{"promoted", "type T struct { time.Time; A int }\nvar p = registry.Define[T](`a:b`, 16)", 14, "a method of its embedded Time"},
	{"pointers", "type P *P\nvar p = registry.Define[P](`a:b`, 16)", 14, "it leads to nothing but pointers"},
	{"ownform", "// T encodes itself.\n//packetmq:form list\ntype T struct{ A int }\nfunc (*T) MarshalMsg([]byte) ([]byte, error) { return nil, nil }\nvar p = registry.Define[T](`a:b`, 16)", 15, "T: //packetmq:form list: want array or map, and a struct"},
	{"ext", "var p = registry.Define[codec.Ext](`a:b`, 16)", 13, "codec.Ext: an ext has no meaning outside its program"},
}

// head stands before each source: 12 lines.
const head = `package p

import (
	"fmt"; "time"
	"github.com/packetmq/packetmq/call"; "github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"; "github.com/packetmq/packetmq/state"
)

var _ = time.Second; var _ fmt.Stringer; var _ codec.Raw
var _ registry.Option; var _ call.Config
var _ state.Stats

`

func TestFaultsAreToldWithTheirPlace(t *testing.T) {
	overlay := make(map[string][]byte)
	var patterns []string
	for _, f := range faults {
		dir, err := filepath.Abs("testdata/" + f.name)
		if err != nil {
			t.Fatal(err)
		}
		overlay[filepath.Join(dir, "p.go")] = []byte(head + f.source)
		patterns = append(patterns, "./testdata/"+f.name)
	}
	pkgs, err := load(&packages.Config{Overlay: overlay}, patterns)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			for _, p := range pkgs {
				if !strings.HasSuffix(p.PkgPath, "/"+f.name) {
					continue
				}
				err := newReader(pkgs).read(p)
				e, ok := errors.AsType[*Error](err)
				if !ok || e.Pos.Line != f.line || !strings.Contains(err.Error(), f.want) {
					t.Fatalf("error %v, want one in line %d with %q", err, f.line, f.want)
				}
				if place := fmt.Sprintf("testdata/%s/p.go:%d:", f.name, f.line); !strings.HasPrefix(err.Error(), place) {
					t.Errorf("error %q does not begin with %q", err, place)
				}
				return
			}
			t.Fatal("the package was not loaded")
		})
	}
}
