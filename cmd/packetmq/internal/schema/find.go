package schema

// The calls by which a program defines: which functions they are, and what their arguments
// say.

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strings"

	"github.com/packetmq/packetmq/registry"
)

// A form is a function that defines: what, and where its arguments are.
type form struct {
	kind    Kind
	name    int // the number of the argument that is the name
	options int // of the first that is an option; 0: it takes none
}

// forms are the functions that define, by package and name.
var forms = map[string]form{
	"registry.Define":     {Packet, 0, 2},
	"registry.Add":        {Packet, 1, 3},
	"registry.MustAdd":    {Packet, 1, 3},
	"registry.AddObject":  {Packet, 0, 3},
	"call.Define":         {Call, 0, 2},
	"call.Add":            {Call, 1, 3},
	"call.MustAdd":        {Call, 1, 3},
	"call.DefineError":    {NamedError, 0, 0},
	"call.AddError":       {NamedError, 1, 0},
	"call.MustAddError":   {NamedError, 1, 0},
	"call.DefineErrorOf":  {NamedError, 0, 0},
	"call.AddErrorOf":     {NamedError, 1, 0},
	"call.MustAddErrorOf": {NamedError, 1, 0},
	"state.Define":        {State, 0, 3},
	"state.Add":           {State, 1, 4},
	"state.MustAdd":       {State, 1, 4},
	"room/request.Define": {Rooms, 0, 0},
}

// formOf is the form of a function. ok is false if it defines nothing.
func formOf(f *types.Func) (form, bool) {
	if f == nil || f.Pkg() == nil || !strings.HasPrefix(f.Pkg().Path(), module) {
		return form{}, false
	}
	isMethod := f.Signature().Recv() != nil
	if isMethod != (f.Name() == "AddObject") { // Registry.Add takes what Define has defined
		return form{}, false
	}
	found, ok := forms[strings.TrimPrefix(f.Pkg().Path(), module)+"."+f.Name()]
	return found, ok
}

// call adds what a call defines, if it does. path leads to it.
func (r *reader) call(c *ast.CallExpr, path []ast.Node) error {
	f, typeArgs := r.callee(c)
	form, ok := formOf(f)
	if !ok {
		return nil
	}
	d := &Definition{Kind: form.kind, Package: r.pkg.PkgPath, Pos: r.fset.Position(c.Pos())}
	d.Var, d.Doc = r.variable(c, path)
	if err := r.nameAndID(d, c, form); err != nil {
		return err
	}
	if err := r.typeArguments(d, c, typeArgs); err != nil {
		return err
	}
	if d.Kind == State {
		if err := r.key(d, c.Args[form.name+2]); err != nil {
			return err
		}
	}
	if form.options > 0 {
		if err := r.options(d, c, form.options); err != nil {
			return err
		}
	}
	return r.set.add(d)
}

// nameAndID reads the name, and the id after it.
func (r *reader) nameAndID(d *Definition, c *ast.CallExpr, form form) error {
	if len(c.Args) <= form.name {
		return r.errorf(c.Pos(), "the arguments are those of another call")
	}
	at := c.Args[form.name]
	v := r.pkg.TypesInfo.Types[at].Value
	if v == nil {
		return r.errorf(at.Pos(), "the name of the %v is not a constant", d.Kind)
	}
	d.Name = constant.StringVal(v)
	if err := registry.CheckName(d.Name); err != nil {
		return r.errorf(at.Pos(), "%v", err)
	}
	if d.Kind == NamedError {
		return nil
	}
	at = c.Args[form.name+1]
	if v = r.pkg.TypesInfo.Types[at].Value; v == nil {
		return r.errorf(at.Pos(), "the id of %s is not a constant", d.Name)
	}
	id, _ := constant.Int64Val(constant.ToInt(v))
	if d.ID = int(id); id < registry.MinID || id > registry.MaxID {
		return r.errorf(at.Pos(), "the id of %s is %d, want %d to %d", d.Name, id, registry.MinID, registry.MaxID)
	}
	return nil
}

// typeArguments reads the types that the definition is instantiated with.
func (r *reader) typeArguments(d *Definition, c *ast.CallExpr, args *types.TypeList) (err error) {
	at := c.Fun.Pos()
	if args.Len() > 0 {
		if d.Body, err = r.typeAt(args.At(0), at); err != nil {
			return r.of(d, at, err)
		}
	}
	if args.Len() > 1 {
		if d.Answer, err = r.typeAt(args.At(1), at); err != nil {
			return r.of(d, at, err)
		}
	}
	return nil
}

// of says of which definition an error is.
func (r *reader) of(d *Definition, at token.Pos, err error) error {
	e, ok := err.(*Error)
	if !ok {
		return err
	}
	return &Error{e.Pos, d.Kind.String() + " " + d.Name + ": " + e.What}
}

// variable is the package's variable that a call's result is given to, and its comment.
func (r *reader) variable(c *ast.CallExpr, path []ast.Node) (name, doc string) {
	if len(path) != 4 { // the file, its declaration, the variables of that, the call
		return "", ""
	}
	decl, _ := path[1].(*ast.GenDecl)
	spec, _ := path[2].(*ast.ValueSpec)
	if decl == nil || spec == nil {
		return "", ""
	}
	for i, v := range spec.Values {
		if v != c || spec.Names[i].Name == "_" {
			continue
		}
		return spec.Names[i].Name, docOf(decl, spec.Doc, spec.Comment)
	}
	return "", ""
}

// docOf is the text of what is declared: the comment above it, or beside it, or above a
// declaration of it alone.
func docOf(decl *ast.GenDecl, above, beside *ast.CommentGroup) string {
	switch {
	case above != nil:
		return above.Text()
	case beside != nil:
		return beside.Text()
	case decl != nil && len(decl.Specs) == 1 && decl.Doc != nil:
		return decl.Doc.Text()
	}
	return ""
}

// options reads the options of a definition, from the argument numbered first.
func (r *reader) options(d *Definition, c *ast.CallExpr, first int) error {
	if c.Ellipsis.IsValid() {
		return r.errorf(c.Ellipsis, "the options of %s are a slice; write them one by one", d.Name)
	}
	for _, arg := range c.Args[min(first, len(c.Args)):] {
		if r.pkg.TypesInfo.Types[arg].IsNil() {
			continue
		}
		o, ok := ast.Unparen(arg).(*ast.CallExpr)
		var f *types.Func
		if ok {
			f, _ = r.callee(o)
		}
		if f == nil || f.Pkg() == nil || f.Pkg().Path() != module+"registry" {
			return r.errorf(arg.Pos(), "an option of %s is no call of a function of registry, so it cannot be read", d.Name)
		}
		switch f.Name() {
		case "Optional":
			d.Optional = true
		case "MaxSize":
			v := r.pkg.TypesInfo.Types[o.Args[0]].Value
			if v == nil {
				return r.errorf(o.Args[0].Pos(), "the MaxSize of %s is not a constant", d.Name)
			}
			n, _ := constant.Int64Val(constant.ToInt(v))
			d.MaxSize = int(n)
		} // the others are about this side alone
	}
	return nil
}
