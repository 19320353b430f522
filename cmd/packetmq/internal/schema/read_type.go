package schema

// From go/types to Type, by the rules by which package codec plans a type.

import (
	"fmt"
	"go/token"
	"go/types"
	"strings"
)

// nothing is what is wrong with chan, func and the like.
const nothing = "msgpack has nothing for it"

// typeAt reads a type that is used at a place in the source, which is that of errors.
func (r *reader) typeAt(t types.Type, at token.Pos) (*Type, error) {
	t = types.Unalias(t)
	named, ok := t.(*types.Named)
	if !ok {
		return r.unnamedAt(t, at)
	}
	if out, err := r.wellKnown(named, at); out != nil || err != nil {
		return out, err
	}
	key := fmt.Sprint(types.TypeString(named, nil), r.fset.Position(named.Obj().Pos()))
	if out := r.named[key]; out != nil {
		return out, nil
	}
	out := r.newNamed(named)
	r.named[key] = out
	if own := ownForm(named); own != none {
		out.Kind, out.Own = own, true
		if err := r.promoted(named, at); err != nil {
			return nil, err
		}
		return out, r.saidForm(out, named)
	}
	if err := r.fill(out, named.Underlying(), at); err != nil {
		return nil, err
	}
	return out, r.members(out, named)
}

// unnamedAt is typeAt of a type without a name.
func (r *reader) unnamedAt(t types.Type, at token.Pos) (*Type, error) {
	key := types.TypeString(t, nil)
	if out := r.unnamed[key]; out != nil {
		return out, nil
	}
	out := &Type{Pos: r.fset.Position(at)}
	if err := r.fill(out, t, at); err != nil {
		return nil, err
	}
	r.unnamed[key] = out
	return out, nil
}

// saidForm reads the form of a type that encodes itself, if its comment says one.
func (r *reader) saidForm(out *Type, t *types.Named) error {
	form := r.comments.formOf(out.Pos, t.Obj().Name())
	if form == "" {
		return nil
	}
	s, ok := t.Underlying().(*types.Struct)
	if !ok || form != "array" && form != "map" {
		return &Error{out.Pos, out.Name + ": " + formDirective + form + ": want array or map, and a struct"}
	}
	if err := r.fillStruct(out, s, t.Obj().Pos()); err != nil {
		return err
	}
	out.AsArray = form == "array"
	return nil
}

// newNamed is a named type of which only the name is known.
func (r *reader) newNamed(t *types.Named) *Type {
	obj := t.Obj()
	out := &Type{Name: typeName(t), Pos: r.fset.Position(obj.Pos())}
	if obj.Pkg() != nil {
		out.Package = obj.Pkg().Path()
		out.Doc = r.comments.of(out.Pos, obj.Name())
	}
	return out
}

// typeName is the name of a type without packages.
func typeName(t types.Type) string {
	return types.TypeString(t, func(*types.Package) string { return "" })
}

// wellKnown is a type that has a form of its own, or nil.
func (r *reader) wellKnown(t *types.Named, at token.Pos) (*Type, error) {
	name := t.Obj().Name()
	if pkg := t.Obj().Pkg(); pkg != nil {
		name = pkg.Path() + "." + name
	}
	switch name {
	case "time.Time":
		return &Type{Kind: Time}, nil
	case "time.Duration":
		return &Type{Kind: Duration}, nil
	case module + "codec.Raw", "github.com/vmihailenco/msgpack/v5.RawMessage":
		return &Type{Kind: Raw}, nil
	case module + "codec.Ext":
		return nil, r.errorf(at, "codec.Ext: an ext has no meaning outside its program")
	case "error":
		return &Type{Kind: Pointer, Elem: &Type{Kind: String}}, nil // its text
	}
	return nil, nil
}

// fill reads what a type is made of.
func (r *reader) fill(out *Type, t types.Type, at token.Pos) (err error) {
	fault := func(what string) error {
		return r.errorf(at, "%s: %s", types.TypeString(t, (*types.Package).Name), what)
	}
	switch t := types.Unalias(t).(type) {
	case *types.Basic:
		var ok bool
		if out.Kind, ok = basics[t.Kind()]; !ok {
			return fault(nothing)
		}
	case *types.Slice:
		out.Kind = Slice
		return r.elements(out, t.Elem(), at)
	case *types.Array:
		out.Kind, out.Len = Array, int(t.Len())
		return r.elements(out, t.Elem(), at)
	case *types.Map:
		return r.fillMap(out, t, at)
	case *types.Pointer:
		if leadsNowhere(t) {
			return fault("it leads to nothing but pointers")
		}
		out.Kind = Pointer
		out.Elem, err = r.typeAt(t.Elem(), at)
		return err
	case *types.Interface:
		if t.NumMethods() > 0 {
			return fault("it is not known which type to decode into an interface with methods")
		}
		out.Kind = Any
	case *types.Struct:
		return r.fillStruct(out, t, at)
	case *types.TypeParam:
		return fault("it is a type parameter, and the definition must be of a concrete type")
	default:
		return fault(nothing)
	}
	return nil
}

var basics = map[types.BasicKind]TypeKind{
	types.Bool: Bool, types.String: String, types.Float32: Float32, types.Float64: Float64,
	types.Int: Int, types.Int8: Int8, types.Int16: Int16, types.Int32: Int32, types.Int64: Int64,
	types.Uint: Uint, types.Uint8: Uint8, types.Uint16: Uint16, types.Uint32: Uint32, types.Uint64: Uint64,
}

// elements reads the elements of a slice or an array; those that are bytes make it Bytes.
func (r *reader) elements(out *Type, elem types.Type, at token.Pos) (err error) {
	if out.Elem, err = r.typeAt(elem, at); err != nil {
		return err
	}
	if out.Elem.Kind == Uint8 {
		out.Kind = Bytes
	}
	return nil
}

func (r *reader) fillMap(out *Type, t *types.Map, at token.Pos) (err error) {
	out.Kind = Map
	if out.Key, err = r.typeAt(t.Key(), at); err != nil {
		return err
	}
	switch out.Key.Kind {
	case Pointer, Struct, Array, Slice, Map, Time:
		return r.errorf(at, "%s: a map on the wire cannot have such keys", types.TypeString(t, (*types.Package).Name))
	}
	out.Elem, err = r.typeAt(t.Elem(), at)
	return err
}

// leadsNowhere reports whether there is nothing behind a pointer but pointers.
func leadsNowhere(t *types.Pointer) bool {
	const most = 32
	for range most {
		next, ok := t.Elem().Underlying().(*types.Pointer)
		if !ok {
			return false
		}
		t = next
	}
	return true
}

// none is the form of a type that does not encode itself.
const none TypeKind = 255

// ownForm is the form of a type that encodes or decodes itself, or none. Of what package
// encoding's methods return, msgpack/v5 makes bytes; all else could be anything.
func ownForm(t types.Type) TypeKind {
	if _, ok := t.Underlying().(*types.Interface); ok {
		return none // what it leads to may have methods
	}
	for i, names := range ownMethods {
		if hasMethod(t, names) {
			if i < 2 {
				return Any
			}
			return Bytes
		}
	}
	return none
}

// ownMethods are the methods by which a type encodes or decodes itself, and the number of
// their parameters, in the order in which codec asks for them.
var ownMethods = []map[string]int{
	{"MarshalMsg": 1, "UnmarshalMsg": 1},
	{"EncodeMsgpack": 1, "DecodeMsgpack": 1, "MarshalMsgpack": 0, "UnmarshalMsgpack": 1},
	{"MarshalBinary": 0, "UnmarshalBinary": 1, "MarshalText": 0, "UnmarshalText": 1},
}

func hasMethod(t types.Type, names map[string]int) bool {
	for name, parameters := range names {
		if f := method(t, name); f != nil && f.Signature().Params().Len() == parameters {
			return true
		}
	}
	return false
}

// method is a method of *T, or nil.
func method(t types.Type, name string) *types.Func {
	obj, _, _ := types.LookupFieldOrMethod(t, true, nil, name)
	f, _ := obj.(*types.Func)
	return f
}

// promoted refuses a struct that is encoded by a method of a field that it embeds, which does
// not see the other fields.
func (r *reader) promoted(t *types.Named, at token.Pos) error {
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return nil
	}
	for _, names := range ownMethods {
		for name := range names {
			_, index, _ := types.LookupFieldOrMethod(t, true, nil, name)
			if len(index) < 2 || s.NumFields() == 1 {
				continue
			}
			return r.errorf(at, "%s: what encodes or decodes it is a method of its embedded %s, which does not see the other fields; give that field a name",
				strings.TrimPrefix(typeName(t), "*"), s.Field(index[0]).Name())
		}
	}
	return nil
}
