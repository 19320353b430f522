package tsgen

// Names in TypeScript: of types and definitions, no two alike, none that means something else.

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/packetmq/packetmq/cmd/packetmq/internal/schema"
)

// taken are names that the generated code may not give to anything: words of the language, and
// what the code itself refers to.
var taken = words(`break case catch class const continue debugger default delete do else enum export extends
	false finally for function if import in instanceof new null return super switch this throw true try typeof
	var void while with yield let static await implements interface package private protected public arguments
	eval undefined NaN Infinity async as of type t v any boolean number string symbol object never unknown bigint
	Type Date Uint8Array Map Record BigInt Array
	definePacket defineCall defineState defineRooms defineError packets`)

func words(text string) map[string]bool {
	all := make(map[string]bool)
	for _, w := range strings.Fields(text) {
		all[w] = true
	}
	return all
}

var identifier = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$]*$`)

// names gives names out.
type names struct {
	types  map[*schema.Type]string
	byName map[string]string // what has a name, for errors
}

// nameTypes names all types. Where two have one name, each gets that of its package before it.
func (n *names) nameTypes(all []*schema.Type) error {
	count := make(map[string]int)
	for _, t := range all {
		count[free(upper(camel(t.Name)))]++
	}
	for _, t := range all {
		name := free(upper(camel(t.Name)))
		if count[name] > 1 {
			name = upper(camel(path.Base(t.Package))) + name
		}
		if err := n.take(name, t.Package+"."+t.Name); err != nil {
			return err
		}
		n.types[t] = name
	}
	return nil
}

// define names a definition: by its Go variable, else by its packet, else by the application
// too.
func (n *names) define(d *schema.Definition) (string, error) {
	app, packet, _ := strings.Cut(d.Name, ":")
	name := free(lower(camel(cmp.Or(d.Var, packet))))
	if _, ok := n.byName[name]; ok {
		name = lower(camel(app + "-" + packet))
	}
	return name, n.take(name, d.Name)
}

func (n *names) take(name, of string) error {
	if other, ok := n.byName[name]; ok {
		return fmt.Errorf("tsgen: %s and %s would both be %s in TypeScript; rename one", other, of, name)
	}
	n.byName[name] = of
	return nil
}

// camel joins what is left of a text without all that is no letter or digit, each part but the
// first beginning with a capital.
func camel(text string) string {
	parts := strings.FieldsFunc(text, func(r rune) bool {
		return r != '_' && (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r))
	})
	for i := range parts {
		if i > 0 {
			parts[i] = upper(parts[i])
		}
	}
	name := strings.Join(parts, "")
	if name == "" || unicode.IsDigit(rune(name[0])) {
		return "_" + name
	}
	return name
}

// free is the name, with a _ after it where it means something else.
func free(name string) string {
	if taken[name] {
		return name + "_"
	}
	return name
}

func upper(s string) string { return changeFirst(s, unicode.ToUpper) }

// lower makes the first letter small; of a name that begins with several capitals, all but the
// last of them: ID becomes id, and HTTPGet httpGet.
func lower(s string) string {
	n := 0
	for n < len(s) && s[n] >= 'A' && s[n] <= 'Z' {
		n++
	}
	if n > 1 && n < len(s) && s[n] >= 'a' && s[n] <= 'z' {
		n--
	}
	if n > 1 {
		return strings.ToLower(s[:n]) + s[n:]
	}
	return changeFirst(s, unicode.ToLower)
}

func changeFirst(s string, change func(rune) rune) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(change(r)) + s[n:]
}

// property is the name of a property in a literal or an interface.
func property(name string) string {
	if identifier.MatchString(name) {
		return name
	}
	return quote(name)
}

// access is a property of an expression.
func access(of, name string) string {
	if identifier.MatchString(name) {
		return of + "." + name
	}
	return of + "[" + quote(name) + "]"
}

func quote(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(text)
	return strings.TrimSpace(b.String())
}
