package tsgen

// Types: as TypeScript has them, and as the client describes their form on the wire.

import (
	"fmt"
	"go/constant"
	"go/token"
	"strconv"
	"strings"

	"github.com/packetmq/packetmq/cmd/packetmq/internal/schema"
)

// maxSafe is the largest integer that a number of JavaScript can tell from its neighbours.
const maxSafe = 1<<53 - 1

// plain are the kinds without parts: the type, and its description.
var plain = map[schema.TypeKind]struct{ ts, expr string }{
	schema.Any: {"unknown", "t.any"}, schema.Raw: {"Uint8Array", "t.raw"}, schema.Bool: {"boolean", "t.bool"},
	schema.Int: {"number", "t.int"}, schema.Int8: {"number", "t.i8"}, schema.Int16: {"number", "t.i16"},
	schema.Int32: {"number", "t.i32"}, schema.Int64: {"bigint", "t.i64"},
	schema.Uint: {"number", "t.uint"}, schema.Uint8: {"number", "t.u8"}, schema.Uint16: {"number", "t.u16"},
	schema.Uint32: {"number", "t.u32"}, schema.Uint64: {"bigint", "t.u64"},
	schema.Float32: {"number", "t.f32"}, schema.Float64: {"number", "t.f64"}, schema.String: {"string", "t.str"},
	schema.Bytes: {"Uint8Array", "t.bytes"}, schema.Time: {"Date", "t.time"}, schema.Duration: {"bigint", "t.duration"},
}

// typ is a type where it is used.
func (g *generator) typ(t *schema.Type) string {
	if name := g.types[t]; name != "" {
		return name
	}
	return g.structure(t, "")
}

// structure is a type by what it is made of. indent is that of the line on which it begins.
func (g *generator) structure(t *schema.Type, indent string) string {
	switch t.Kind {
	case schema.Slice, schema.Array:
		elem := g.typ(t.Elem)
		if strings.Contains(elem, " ") {
			elem = "(" + elem + ")"
		}
		return elem + "[]"
	case schema.Map:
		if t.Key.Kind == schema.String {
			return "Record<string, " + g.typ(t.Elem) + ">"
		}
		return "Map<" + g.typ(t.Key) + ", " + g.typ(t.Elem) + ">"
	case schema.Pointer:
		if t.Elem.Kind == schema.Pointer && g.types[t.Elem] == "" {
			return g.typ(t.Elem)
		}
		return g.typ(t.Elem) + " | null"
	case schema.Struct:
		var fields []string
		for _, f := range t.Fields {
			fields = append(fields, g.member(f))
		}
		if fields == nil {
			return "{}"
		}
		return "{ " + strings.Join(fields, "; ") + " }"
	}
	return plain[t.Kind].ts
}

// member is a field in an interface.
func (g *generator) member(f schema.Field) string {
	if f.Optional {
		return property(f.Name) + "?: " + g.typ(f.Type)
	}
	return property(f.Name) + ": " + g.typ(f.Type)
}

// expr is the description of a type where it is used; nil is of any.
func (g *generator) expr(t *schema.Type) string {
	if t == nil {
		g.use("t")
		return "t.any"
	}
	name := g.types[t]
	switch {
	case name != "" && t.Members != nil:
		g.use("t")
		return "t.enumOf<" + name + ">(" + plain[t.Kind].expr + ")"
	case name != "" && g.within[t]:
		g.lazy[t] = true
		return g.use("t") + ".lazy(() => " + name + ")"
	case name != "":
		return name
	}
	return g.description(t)
}

// description is that of what a type is made of.
func (g *generator) description(t *schema.Type) string {
	g.use("t")
	switch t.Kind {
	case schema.Slice:
		return "t.array(" + g.expr(t.Elem) + ")"
	case schema.Array:
		return fmt.Sprintf("t.array(%s, %d)", g.expr(t.Elem), t.Len)
	case schema.Map:
		if t.Key.Kind == schema.String {
			return "t.record(" + g.expr(t.Elem) + ")"
		}
		return "t.map(" + g.expr(t.Key) + ", " + g.expr(t.Elem) + ")"
	case schema.Pointer:
		if t.Elem.Kind == schema.Pointer && g.types[t.Elem] == "" {
			return g.expr(t.Elem)
		}
		return "t.nullable(" + g.expr(t.Elem) + ")"
	case schema.Struct:
		return fmt.Sprintf("t.%s(%s, %s)", structFunction(t), quote(t.Name), g.fields(t, ""))
	}
	return plain[t.Kind].expr
}

func structFunction(t *schema.Type) string {
	if t.AsArray {
		return "tuple"
	}
	return "struct"
}

// fields is the description of a struct's fields; on lines of their own if indent is not empty.
func (g *generator) fields(t *schema.Type, indent string) string {
	var list []string
	for _, f := range t.Fields {
		x := g.expr(f.Type)
		if f.Optional {
			x = "t.optional(" + x + ")"
		}
		if f.Alias != "" {
			x = "t.alias(" + x + ", " + quote(f.Alias) + ")"
		}
		list = append(list, property(f.Name)+": "+x)
	}
	switch {
	case list == nil:
		return "{}"
	case indent == "":
		return "{ " + strings.Join(list, ", ") + " }"
	}
	return "{\n" + indent + strings.Join(list, ",\n"+indent) + ",\n}"
}

// declare writes the named types in t, those that others are made of first.
func (g *generator) declare(t *schema.Type) error {
	if t == nil || g.written[t] || g.within[t] {
		return nil
	}
	if err := checkFields(t); err != nil {
		return err
	}
	g.within[t] = true
	for _, part := range parts(t) {
		if err := g.declare(part); err != nil {
			return err
		}
	}
	g.written[t] = true
	defer delete(g.within, t)
	switch name := g.types[t]; {
	case name == "":
		return nil
	case t.Members != nil:
		return g.enumeration(name, t)
	case t.Kind == schema.Struct:
		g.iface(name, t)
	default:
		g.alias(name, t)
	}
	return nil
}

// checkFields refuses names that JavaScript gives a meaning to.
func checkFields(t *schema.Type) error {
	for _, f := range t.Fields {
		if f.Name == "__proto__" {
			return &schema.Error{Pos: f.Pos, What: "no property of JavaScript can be called __proto__; give the field another name by a tag"}
		}
		if _, err := strconv.ParseUint(f.Name, 10, 32); err == nil && t.AsArray {
			return &schema.Error{Pos: f.Pos, What: "JavaScript puts properties that are called " + f.Name + " before others, so the array would have another order; give the field another name by a tag"}
		}
	}
	return nil
}

// iface writes a struct.
func (g *generator) iface(name string, t *schema.Type) {
	fields := g.fields(t, "  ")
	g.printf("\n")
	g.doc("", t.Doc)
	g.printf("export interface %s {", name)
	for i, f := range t.Fields {
		if i == 0 {
			g.printf("\n")
		}
		g.doc("  ", f.Doc)
		g.printf("  %s;\n", g.member(f))
	}
	g.printf("}\nexport const %s%s = t.%s<%s>(%s, %s);\n", name, g.annotation(name, t), structFunction(t), name, quote(name), fields)
}

// annotation is the type of a constant that refers to itself, which TypeScript cannot infer.
func (g *generator) annotation(name string, t *schema.Type) string {
	if !g.lazy[t] {
		return ""
	}
	return ": " + g.use("Type") + "<" + name + ">"
}

// alias writes a named type that is no struct.
func (g *generator) alias(name string, t *schema.Type) {
	x := g.description(t)
	g.printf("\n")
	g.doc("", t.Doc)
	g.printf("export type %s = %s;\nexport const %s%s = %s;\n", name, g.structure(t, ""), name, g.annotation(name, t), x)
}

// enumeration writes the constants of a type.
func (g *generator) enumeration(name string, t *schema.Type) error {
	g.printf("\n")
	g.doc("", t.Doc)
	g.printf("export const %s = {\n", name)
	for i, short := range memberNames(t) {
		m := t.Members[i]
		value, err := literal(t, m)
		if err != nil {
			return err
		}
		g.doc("  ", m.Doc)
		g.printf("  %s: %s,\n", property(short), value)
	}
	g.printf("} as const;\nexport type %s = (typeof %s)[keyof typeof %s];\n", name, name, name)
	return nil
}

// memberNames are the names of an enumeration's constants, without that of the type where all
// begin with it: KindSword is Kind.Sword.
func memberNames(t *schema.Type) []string {
	short := make([]string, len(t.Members))
	for i, m := range t.Members {
		rest, ok := strings.CutPrefix(upper(m.Name), upper(t.Name))
		if !ok || rest == "" || rest != upper(rest) || !identifier.MatchString(rest) {
			for j, m := range t.Members {
				short[j] = m.Name
			}
			return short
		}
		short[i] = rest
	}
	return short
}

// literal is the value of a constant.
func literal(t *schema.Type, m schema.Member) (string, error) {
	switch t.Kind {
	case schema.String:
		return quote(constant.StringVal(m.Value)), nil
	case schema.Int64, schema.Uint64:
		return m.Value.ExactString() + "n", nil
	}
	if constant.Compare(m.Value, token.GTR, constant.MakeInt64(maxSafe)) || constant.Compare(m.Value, token.LSS, constant.MakeInt64(-maxSafe)) {
		return "", &schema.Error{Pos: t.Pos, What: fmt.Sprintf("%s: %s is too large for a number; make the type int64 or uint64", t.Name, m.Name)}
	}
	return m.Value.ExactString(), nil
}
