package schema

// Read: from patterns of packages to their definitions.

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

const module = "github.com/packetmq/packetmq/"

// ErrNone is returned by Read for packages that define nothing.
var ErrNone = errors.New("schema: no packets, calls, states or errors are defined there")

// loadMode is what is needed of the packages: their own source, and the types of what they
// import from the compiler's export data, which takes a twentieth of the time.
const loadMode = packages.NeedName | packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes |
	packages.NeedTypesInfo | packages.NeedImports | packages.NeedExportFile | packages.NeedTypesSizes

// Read reads the packages that patterns name, as the go command does it, in the directory dir;
// empty: the working directory. Test files are left out. It runs the go command.
func Read(dir string, patterns ...string) (*Set, error) {
	pkgs, err := load(&packages.Config{Dir: dir}, patterns)
	if err != nil {
		return nil, err
	}
	r := newReader(pkgs)
	for _, p := range pkgs {
		if err := r.read(p); err != nil {
			return nil, err
		}
	}
	if len(r.set.Definitions) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrNone, strings.Join(patterns, " "))
	}
	return r.set, nil
}

// load loads packages, in the order of their paths, without those that are not to be read.
func load(cfg *packages.Config, patterns []string) ([]*packages.Package, error) {
	cfg.Mode, cfg.Fset = loadMode, token.NewFileSet()
	pkgs, err := packages.Load(cfg, patterns...)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	slices.SortFunc(pkgs, func(a, b *packages.Package) int { return cmp.Compare(a.PkgPath, b.PkgPath) })
	for _, p := range pkgs {
		if len(p.Errors) > 0 {
			return nil, fmt.Errorf("schema: %w", p.Errors[0])
		}
	}
	return slices.DeleteFunc(pkgs, func(p *packages.Package) bool { return isOurs(p.PkgPath) }), nil
}

func newReader(pkgs []*packages.Package) *reader {
	r := &reader{comments: newComments(), named: make(map[string]*Type), unnamed: make(map[string]*Type), set: new(Set)}
	for _, p := range pkgs {
		r.fset = p.Fset // that of all
		for _, f := range p.Syntax {
			r.comments.read(p.Fset, f)
		}
	}
	return r
}

// isOurs reports whether a package is one of those whose functions define, which call each
// other with names that are not constant.
func isOurs(path string) bool {
	switch path {
	case module + "registry", module + "call", module + "state", module + "room/request":
		return true
	}
	return false
}

// reader is one Read.
type reader struct {
	fset     *token.FileSet
	comments *comments
	named    map[string]*Type // by their full names and where they are declared
	unnamed  map[string]*Type // by what they are
	set      *Set

	pkg *packages.Package // that is being read
}

func (r *reader) errorf(pos token.Pos, format string, args ...any) error {
	return &Error{r.fset.Position(pos), fmt.Sprintf(format, args...)}
}

// read adds what a package defines.
func (r *reader) read(p *packages.Package) (err error) {
	r.pkg = p
	for _, f := range p.Syntax {
		var path []ast.Node // from the file down to the node that is visited
		ast.Inspect(f, func(n ast.Node) bool {
			if err != nil {
				return false
			}
			if n == nil {
				path = path[:len(path)-1]
				return true
			}
			path = append(path, n)
			if c, ok := n.(*ast.CallExpr); ok {
				err = r.call(c, path)
			}
			return true
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// callee is the function that is called, and its type arguments; nil: it is not known.
func (r *reader) callee(c *ast.CallExpr) (*types.Func, *types.TypeList) {
	fun := ast.Unparen(c.Fun)
	switch x := fun.(type) {
	case *ast.IndexExpr:
		fun = ast.Unparen(x.X)
	case *ast.IndexListExpr:
		fun = ast.Unparen(x.X)
	}
	var id *ast.Ident
	switch x := fun.(type) {
	case *ast.Ident:
		id = x
	case *ast.SelectorExpr:
		id = x.Sel
	default:
		return nil, nil
	}
	f, _ := r.pkg.TypesInfo.Uses[id].(*types.Func)
	return f, r.pkg.TypesInfo.Instances[id].TypeArgs
}
