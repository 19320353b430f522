package schema

// The key of a state: which field of its values the function of state.Define returns.

import (
	"go/ast"
	"go/types"
	"slices"
)

// key reads the function that returns the key of a value. It must return a field, or a
// conversion of one.
func (r *reader) key(d *Definition, fn ast.Expr) error {
	body, param := r.function(fn)
	if body == nil || len(body.List) != 1 {
		return r.noKey(d, fn)
	}
	ret, ok := body.List[0].(*ast.ReturnStmt)
	if !ok || len(ret.Results) != 1 {
		return r.noKey(d, fn)
	}
	names, ok := r.selectors(ret.Results[0], param)
	if !ok {
		return r.noKey(d, fn)
	}
	d.Key, ok = d.Body.path(names)
	if !ok {
		return r.noKey(d, fn)
	}
	return nil
}

func (r *reader) noKey(d *Definition, fn ast.Expr) error {
	return r.errorf(fn.Pos(), "state %s: its key must be a function of this package that returns a field of the value", d.Name)
}

// function is the body of a function, and its one parameter: of a literal, or of a function or
// method that the package declares.
func (r *reader) function(fn ast.Expr) (*ast.BlockStmt, types.Object) {
	var fields *ast.FieldList
	var body *ast.BlockStmt
	switch x := ast.Unparen(fn).(type) {
	case *ast.FuncLit:
		fields, body = x.Type.Params, x.Body
	case *ast.Ident:
		fields, body = r.declaration(r.pkg.TypesInfo.Uses[x])
	case *ast.SelectorExpr: // (*Pos).Key
		fields, body = r.declaration(r.pkg.TypesInfo.Uses[x.Sel])
	}
	if body == nil || len(fields.List) != 1 || len(fields.List[0].Names) != 1 {
		return nil, nil
	}
	return body, r.pkg.TypesInfo.Defs[fields.List[0].Names[0]]
}

// declaration is the parameter list and the body of a function of the package; of a method,
// its receiver is the parameter.
func (r *reader) declaration(f types.Object) (*ast.FieldList, *ast.BlockStmt) {
	for _, file := range r.pkg.Syntax {
		for _, decl := range file.Decls {
			d, ok := decl.(*ast.FuncDecl)
			if !ok || f == nil || r.pkg.TypesInfo.Defs[d.Name] != f {
				continue
			}
			if d.Recv != nil {
				return d.Recv, d.Body
			}
			return d.Type.Params, d.Body
		}
	}
	return nil, nil
}

// selectors are the names of the fields in v.A.B, from outside in, through conversions.
func (r *reader) selectors(x ast.Expr, v types.Object) (names []string, ok bool) {
	for {
		switch e := ast.Unparen(x).(type) {
		case *ast.CallExpr:
			if len(e.Args) != 1 || !r.pkg.TypesInfo.Types[e.Fun].IsType() {
				return nil, false
			}
			x = e.Args[0]
		case *ast.SelectorExpr:
			s := r.pkg.TypesInfo.Selections[e]
			if s == nil || s.Kind() != types.FieldVal {
				return nil, false
			}
			names = append(names, e.Sel.Name)
			x = e.X
		case *ast.Ident:
			slices.Reverse(names)
			return names, v != nil && r.pkg.TypesInfo.Uses[e] == v
		default:
			return nil, false
		}
	}
}

// path finds fields by their Go names, one within the other. The last must be an integer.
func (t *Type) path(names []string) (path []Key, ok bool) {
	for depth, name := range names {
		i := slices.IndexFunc(t.Fields, func(f Field) bool { return f.goName == name })
		if t.Kind != Struct || i < 0 || t.Fields[i].Optional && depth < len(names)-1 {
			return nil, false
		}
		path = append(path, Key{t.Fields[i].Name, t.Fields[i].Type, t.Fields[i].Optional})
		t = t.Fields[i].Type
	}
	return path, Int <= t.Kind && t.Kind <= Uint64
}
