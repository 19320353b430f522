package codec

// The fields of a struct as they go over the wire: names, tags, embedded structs.

import (
	"reflect"
	"slices"
	"unicode/utf8"

	"github.com/vmihailenco/tagparser/v2"
)

// structFields are the fields of a struct as they go over the wire: in the
// order of the struct, with those of an embedded struct in its place. Names and
// options are those of msgpack/v5's tags.
//
// An embedded struct is taken apart unless one of its names is another field's:
// then it is a field itself. So no two fields ever have the same name.
type structFields struct {
	ps                 *planner
	fields, extra      []field
	asArray, omitEmpty bool

	odd   bool           // v5 would panic at them, or complain to the process's log
	above []reflect.Type // the structs that are being taken apart
}

// A tagged field is what a struct declares.
type tagged struct {
	reflect.StructField
	name                        string
	alias                       string
	omitEmpty, inline, noInline bool
	intern                      bool // which has no effect: receivers refuse what it makes
}

// declared returns the fields of t that can go over the wire.
func declared(t reflect.Type) (all []tagged, asArray bool, err *TypeError) {
	omitAll := false
	for i := range t.NumField() {
		f := t.Field(i)
		tag := tagparser.Parse(f.Tag.Get("msgpack"))
		if tag.Name == "-" {
			continue
		}
		if f.Name == "_msgpack" {
			asArray = asArray || tag.HasOption("as_array") || tag.HasOption("asArray")
			omitAll = omitAll || tag.HasOption("omitempty")
		}
		if !f.IsExported() && !f.Anonymous {
			continue
		}
		d := tagged{
			StructField: f, name: tag.Name, alias: tag.Options["alias"],
			omitEmpty: omitAll || tag.HasOption("omitempty"),
			inline:    tag.HasOption("inline"), noInline: tag.HasOption("noinline"),
			intern: tag.HasOption("intern"),
		}
		if d.name == "" {
			d.name = f.Name
		}
		if !utf8.ValidString(d.name) || !utf8.ValidString(d.alias) {
			return nil, false, typeError(f.Type, "its name is not UTF-8").within("." + f.Name)
		}
		all = append(all, d)
	}
	return all, asArray, nil
}

// of returns the fields of t.
func (fs *structFields) of(t reflect.Type) ([]field, *TypeError) {
	if slices.Contains(fs.above, t) {
		err := typeError(t, "it is embedded in itself")
		err.endless = true
		return nil, err
	}
	fs.above = append(fs.above, t)
	defer func() { fs.above = fs.above[:len(fs.above)-1] }()

	all, asArray, err := declared(t)
	if err != nil {
		return nil, err
	}
	root := len(fs.above) == 1
	fs.asArray = root && asArray || fs.asArray
	direct := make(map[string]bool) // the names of fields that are not embedded
	for _, d := range all {
		if !d.Anonymous {
			direct[d.name] = true
		}
	}
	var fields []field
	for _, d := range all {
		inner, err := fs.inlined(d)
		if err != nil {
			return nil, err.within("." + d.Name)
		}
		if inner != nil && !clashes(inner, fields, direct) {
			fields = append(fields, under(d, inner)...)
			if root {
				err = fs.addExtra(d, d.name)
			}
			fs.odd = fs.odd || d.inline && d.Type.Kind() == reflect.Pointer
		} else if inner != nil && d.inline {
			return nil, typeError(d.Type, "a field in it has the name of another field").within("." + d.Name)
		} else {
			fs.odd = fs.odd || inner != nil || d.intern
			fields, err = fs.addField(fields, d, root)
		}
		if err != nil {
			return nil, err.within("." + d.Name)
		}
	}
	return fields, nil
}

// add takes apart the struct that a plan is for.
func (fs *structFields) add(t reflect.Type) (err *TypeError) {
	if fs.fields, err = fs.of(t); err != nil {
		return err
	}
	taken := make(map[string]bool)
	for _, f := range fs.fields {
		fs.omitEmpty = fs.omitEmpty || f.omitEmpty || f.through
		taken[f.name] = true
	}
	n := len(fs.extra)
	fs.extra = slices.DeleteFunc(fs.extra, func(f field) bool { return taken[f.name] })
	fs.odd = fs.odd || len(fs.extra) < n
	return nil
}

// inlined returns the fields of an embedded struct that is to be taken apart,
// else nil.
func (fs *structFields) inlined(d tagged) ([]field, *TypeError) {
	t := d.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if !d.Anonymous || d.noInline || t.Kind() != reflect.Struct {
		return nil, nil
	}
	if !d.inline {
		if enc, dec := methods(t); enc != none || dec != none {
			return nil, nil
		}
	}
	fields, err := fs.of(t)
	if err != nil {
		return nil, err
	}
	if encodes, decodes := registered(t, !fs.odd); !d.inline && (encodes || decodes) {
		return nil, nil
	}
	if len(fields) > 0 && d.Type.Kind() == reflect.Pointer && !d.IsExported() {
		return nil, typeError(d.Type, unexported)
	}
	return append(make([]field, 0, 1), fields...), nil // not nil, though it may be empty
}

const unexported = `it is embedded, but its name is not exported, so it cannot be set; the tag "-" leaves it out`

// clashes reports whether a field of inner has the name of another one.
func clashes(inner, before []field, direct map[string]bool) bool {
	return slices.ContainsFunc(inner, func(f field) bool {
		return direct[f.name] || slices.ContainsFunc(before, func(b field) bool { return b.name == f.name })
	})
}

// under returns the fields of the struct embedded as d, as fields of the one
// that it is embedded in.
func under(d tagged, inner []field) []field {
	for i := range inner {
		f := &inner[i]
		f.path = append([]int{f.at}, f.path...)
		f.at = d.Index[0]
		f.through = f.through || d.Type.Kind() == reflect.Pointer
	}
	return inner
}

// addField adds a field that is not taken apart.
func (fs *structFields) addField(fields []field, d tagged, root bool) ([]field, *TypeError) {
	if !d.IsExported() {
		return nil, typeError(d.Type, unexported)
	}
	if slices.ContainsFunc(fields, func(f field) bool { return f.name == d.name }) {
		return nil, typeError(d.Type, "another field has its name")
	}
	f, err := fs.field(d, d.name)
	if err != nil {
		return nil, err
	}
	fs.odd = fs.odd || f.omitEmpty && f.plan.odd // to see if it is empty, v5 looks at its fields
	if root && d.alias != "" {
		err = fs.addExtra(d, d.alias)
	}
	return append(fields, f), err
}

// addExtra lets a decoder take a field by one more name.
func (fs *structFields) addExtra(d tagged, name string) *TypeError {
	if !d.IsExported() {
		return nil
	}
	f, err := fs.field(d, name)
	fs.extra = append(fs.extra, f)
	return err
}

func (fs *structFields) field(d tagged, name string) (field, *TypeError) {
	p, err := fs.ps.plan(d.Type)
	if err != nil {
		return field{}, err
	}
	return field{
		name: name, key: string(AppendString(nil, name)), at: d.Index[0], plan: p, omitEmpty: d.omitEmpty,
		isZero: d.Type.Kind() != reflect.Pointer && d.Type.Implements(reflect.TypeFor[isZeroer]()),
	}, nil
}
