package schema

// Enumerations: named integers and texts with constants.

import (
	"cmp"
	"go/token"
	"go/types"
	"slices"
)

// members reads the constants of a type, in the order of the source. Those of an exported
// type are exported too: others are known to its own package alone.
func (r *reader) members(out *Type, t *types.Named) error {
	basic, ok := t.Underlying().(*types.Basic)
	if !ok || basic.Info()&(types.IsInteger|types.IsString) == 0 || t.Obj().Pkg() == nil {
		return nil
	}
	var all []*types.Const
	scope := t.Obj().Pkg().Scope()
	for _, name := range scope.Names() {
		c, ok := scope.Lookup(name).(*types.Const)
		if ok && types.Identical(c.Type(), t) && (c.Exported() || !t.Obj().Exported()) {
			all = append(all, c)
		}
	}
	at := func(c *types.Const) token.Position { return r.fset.Position(c.Pos()) }
	slices.SortFunc(all, func(a, b *types.Const) int {
		p, q := at(a), at(b)
		return cmp.Or(cmp.Compare(p.Filename, q.Filename), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column), cmp.Compare(a.Name(), b.Name()))
	})
	for _, c := range all {
		out.Members = append(out.Members, Member{c.Name(), r.comments.of(at(c), c.Name()), c.Val()})
	}
	return nil
}
