package capture

// secretPath: which parts of a payload are secret, taken from the tags of its Go type.

import (
	"reflect"
	"strings"

	"github.com/vmihailenco/tagparser/v2"

	"github.com/packetmq/packetmq/internal/secrettag"
)

// secretPath says what is secret in a value. A nil one says that nothing is.
type secretPath struct {
	all    bool                   // the whole value
	fields map[string]*secretPath // of a map with these keys
	items  []*secretPath          // of an array: of each of its first elements
	elem   *secretPath            // of every other element of an array, or value of a map
}

// tokenPath is what is secret in a handshake_pubids.
var tokenPath = &secretPath{fields: map[string]*secretPath{"token": {all: true}}}

// child is the path of the element at index of an array, or of the value under key of a map.
func (p *secretPath) child(index int, key []byte, isMap bool) *secretPath {
	switch {
	case p == nil || p.all:
		return p
	case isMap && p.fields[string(key)] != nil:
		return p.fields[string(key)]
	case !isMap && index < len(p.items):
		return p.items[index]
	}
	return p.elem
}

// secretsOf is the path of values of type t, nil if nothing of them is secret.
func secretsOf(t reflect.Type) *secretPath {
	p := (&pathBuilder{known: make(map[reflect.Type]*secretPath)}).path(t)
	if !p.hasSecret(make(map[*secretPath]bool)) {
		return nil
	}
	return p
}

func (p *secretPath) hasSecret(seen map[*secretPath]bool) bool {
	if p == nil || seen[p] {
		return false
	}
	seen[p] = true
	has := p.all || p.elem.hasSecret(seen)
	for _, f := range p.fields {
		has = has || f.hasSecret(seen)
	}
	for _, f := range p.items {
		has = has || f.hasSecret(seen)
	}
	return has
}

// pathBuilder makes paths. A type that contains itself has a path that does.
type pathBuilder struct{ known map[reflect.Type]*secretPath }

func (b *pathBuilder) path(t reflect.Type) *secretPath {
	if t == nil {
		return nil
	}
	if p, ok := b.known[t]; ok {
		return p
	}
	switch t.Kind() {
	case reflect.Pointer:
		return b.path(t.Elem())
	case reflect.Slice, reflect.Array, reflect.Map:
		p := new(secretPath)
		b.known[t] = p
		p.elem = b.path(t.Elem())
		return p
	case reflect.Struct:
		p := &secretPath{fields: make(map[string]*secretPath)}
		b.known[t] = p
		b.addFields(p, t)
		if encodesItself(t) && p.hasSecret(make(map[*secretPath]bool)) {
			p.all = true // nobody else knows where its fields are
		}
		return p
	}
	return nil
}

// addFields adds the fields of t by their names on the wire and by their order, because what is
// sent as a map may be decoded from an array too, and the other way round.
func (b *pathBuilder) addFields(p *secretPath, t reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		tag := tagparser.Parse(f.Tag.Get("msgpack"))
		if tag.Name == "-" || !f.IsExported() && !f.Anonymous {
			continue
		}
		field := b.path(f.Type)
		if secrettag.Has(f.Tag) {
			field = &secretPath{all: true}
		}
		names := []string{tag.Name, tag.Options["alias"]}
		if names[0] == "" {
			names[0] = f.Name
		}
		if f.Anonymous && !tag.HasOption("noinline") && field != nil && !field.all { // taken apart, as a rule; its name is one too
			for name, inner := range field.fields {
				p.fields[name] = inner
			}
			p.items = append(p.items, field.items...)
		} else {
			p.items = append(p.items, field)
		}
		for _, name := range names {
			if name != "" {
				p.fields[strings.ToValidUTF8(name, "")] = field
			}
		}
	}
}

// encodesItself reports whether t or a pointer to it has a method that encodes it.
func encodesItself(t reflect.Type) bool {
	for _, name := range []string{"MarshalMsg", "EncodeMsgpack", "MarshalMsgpack", "MarshalBinary", "MarshalText"} {
		if _, has := reflect.PointerTo(t).MethodByName(name); has {
			return true
		}
	}
	return false
}
