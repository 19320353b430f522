package schema

// The fields of a struct as they go over the wire: names, tags, embedded structs. The rules
// are those of the file of the same name in package codec.

import (
	"go/token"
	"go/types"
	"reflect"
	"slices"
	"unicode/utf8"

	"github.com/vmihailenco/tagparser/v2"
)

// structFields are the fields of one struct.
type structFields struct {
	r       *reader
	asArray bool
	above   []*types.Struct // the structs that are being taken apart
}

// A tagged field is what a struct declares.
type tagged struct {
	*types.Var
	name, alias                 string
	omitEmpty, inline, noInline bool
}

func (r *reader) fillStruct(out *Type, t *types.Struct, at token.Pos) (err error) {
	out.Kind = Struct
	fs := structFields{r: r}
	out.Fields, err = fs.of(t, out.Name, at)
	out.AsArray = fs.asArray
	return err
}

// declared are the fields of t that can go over the wire.
func (fs *structFields) declared(t *types.Struct) (all []tagged, err error) {
	omitAll := false
	for i := range t.NumFields() {
		f := t.Field(i)
		tag := tagparser.Parse(reflect.StructTag(t.Tag(i)).Get("msgpack"))
		if tag.Name == "-" {
			continue
		}
		if f.Name() == "_msgpack" {
			fs.asArray = fs.asArray || len(fs.above) == 1 && (tag.HasOption("as_array") || tag.HasOption("asArray"))
			omitAll = omitAll || tag.HasOption("omitempty")
		}
		if !f.Exported() && !f.Embedded() {
			continue
		}
		d := tagged{
			Var: f, name: tag.Name, alias: tag.Options["alias"],
			omitEmpty: omitAll || tag.HasOption("omitempty"),
			inline:    tag.HasOption("inline"), noInline: tag.HasOption("noinline"),
		}
		if d.name == "" {
			d.name = f.Name()
		}
		if !utf8.ValidString(d.name) || !utf8.ValidString(d.alias) {
			return nil, fs.r.errorf(f.Pos(), "%s: its name is not UTF-8", f.Name())
		}
		all = append(all, d)
	}
	return all, nil
}

// of are the fields of t, which is a struct of a name, if it has one.
func (fs *structFields) of(t *types.Struct, name string, at token.Pos) ([]Field, error) {
	if slices.Contains(fs.above, t) {
		return nil, fs.r.errorf(at, "%s: it is embedded in itself", name)
	}
	fs.above = append(fs.above, t)
	defer func() { fs.above = fs.above[:len(fs.above)-1] }()

	all, err := fs.declared(t)
	if err != nil {
		return nil, err
	}
	var fields []Field
	for _, d := range all {
		inner, isStruct, err := fs.inlined(d)
		if err != nil {
			return nil, err
		}
		switch {
		case isStruct && !clashes(inner, fields, all):
			fields = append(fields, inner...)
			continue
		case isStruct && d.inline:
			return nil, fs.r.errorf(d.Pos(), "%s: a field in it has the name of another field", d.Name())
		}
		if fields, err = fs.add(fields, d); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

// inlined are the fields of an embedded struct that is to be taken apart. ok is false if d is
// none.
func (fs *structFields) inlined(d tagged) (fields []Field, ok bool, err error) {
	t := types.Unalias(d.Type())
	p, isPointer := t.Underlying().(*types.Pointer)
	if isPointer {
		t = types.Unalias(p.Elem())
	}
	s, isStruct := t.Underlying().(*types.Struct)
	if !d.Embedded() || d.noInline || !isStruct {
		return nil, false, nil
	}
	if named, ok := t.(*types.Named); ok && !d.inline {
		if known, err := fs.r.wellKnown(named, d.Pos()); known != nil || err != nil || ownForm(t) != none {
			return nil, false, err
		}
	}
	if fields, err = fs.of(s, d.Name(), d.Pos()); err != nil {
		return nil, false, err
	}
	if len(fields) > 0 && isPointer && !d.Exported() {
		return nil, false, fs.unexported(d)
	}
	for i := range fields {
		fields[i].Optional = fields[i].Optional || isPointer
	}
	return fields, true, nil
}

func (fs *structFields) unexported(d tagged) error {
	return fs.r.errorf(d.Pos(), `%s: it is embedded, but its name is not exported, so it cannot be set; the tag "-" leaves it out`, d.Name())
}

// clashes reports whether a field of inner has the name of another one.
func clashes(inner, before []Field, all []tagged) bool {
	return slices.ContainsFunc(inner, func(f Field) bool {
		return slices.ContainsFunc(all, func(d tagged) bool { return !d.Embedded() && d.name == f.Name }) ||
			slices.ContainsFunc(before, func(b Field) bool { return b.Name == f.Name })
	})
}

// add adds a field that is not taken apart.
func (fs *structFields) add(fields []Field, d tagged) ([]Field, error) {
	if !d.Exported() {
		return nil, fs.unexported(d)
	}
	if slices.ContainsFunc(fields, func(f Field) bool { return f.Name == d.name }) {
		return nil, fs.r.errorf(d.Pos(), "%s: another field has its name", d.Name())
	}
	t, err := fs.r.typeAt(d.Type(), d.Pos())
	if err != nil {
		if e, ok := err.(*Error); ok && e.Pos == fs.r.fset.Position(d.Pos()) {
			err = &Error{e.Pos, "field " + d.Name() + ": " + e.What}
		}
		return nil, err
	}
	f := Field{Name: d.name, Alias: d.alias, Type: t, Optional: d.omitEmpty, Pos: fs.r.fset.Position(d.Pos()), goName: d.Name()}
	if len(fs.above) > 1 {
		f.Alias = "" // as in codec, aliases are those of the outermost struct
	}
	f.Doc = fs.r.comments.of(f.Pos, d.Name())
	return append(fields, f), nil
}
