package capture

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/codec"
)

// account is a type with secrets in all places.
type account struct {
	Name   string
	Key    []byte `packetmq:"secret"`
	Pin    int    `packetmq:"secret" msgpack:"pin"`
	Cards  []card
	ByName map[string]card
	Whole  card           `packetmq:"secret"`
	Extra  map[string]any `packetmq:"secret"`
	Friend *account
}

type card struct {
	_msgpack struct{} `msgpack:",as_array"` //lint:ignore U1000 the codec reads the tag
	Number   string   `packetmq:"secret"`
	Until    int
}

func fullAccount() *account {
	return &account{
		Name: "open", Key: []byte("hidden"), Pin: 123456789, Cards: []card{{Number: "hidden", Until: 2030}},
		ByName: map[string]card{"open": {Number: "hidden", Until: 2031}}, Whole: card{Number: "hidden", Until: 2032},
		Extra: map[string]any{"hidden": []any{"hidden", 1.5, true, -7}}, Friend: &account{Name: "open", Key: []byte("hidden")},
	}
}

func TestMaskedPayloadsKeepAllElse(t *testing.T) {
	var m codec.Msgpack
	payload, err := m.Append(nil, fullAccount())
	if err != nil {
		t.Fatal(err)
	}
	path := secretsOf(reflect.TypeFor[account]())
	var whole []byte
	for _, step := range []int{len(payload), 1, 2, 7} { // however it comes in pieces
		b := bytes.Clone(payload)
		k := &masker{path: path}
		for at := 0; at < len(b); at += step {
			k.mask(b[at:min(at+step, len(b))])
		}
		if whole == nil {
			whole = b
		}
		if !bytes.Equal(b, whole) || !k.over {
			t.Errorf("in steps of %d it is %q", step, b)
		}
	}
	if bytes.Contains(whole, []byte("hidden")) {
		t.Errorf("something is left: %q", whole)
	}
	var got account
	if err := m.Decode(whole, &got); err != nil {
		t.Fatal(err)
	}
	if got.Name != "open" || got.Friend.Name != "open" || got.Pin != 0 || got.ByName["open"].Until != 2031 ||
		got.Cards[0].Until != 2030 || got.Whole.Until != 0 || got.Cards[0].Number != "xxxxxx" {
		t.Errorf("it became %+v", got)
	}
}

// Each of these is decoded with its secret, whatever this library itself would send.
func TestSecretsAreCutOutOfMapsAndArraysOfTheSameType(t *testing.T) {
	type Person struct{ First, Last string }
	type member struct {
		_msgpack struct{} `msgpack:",as_array"` //lint:ignore U1000 the codec reads the tag
		Person
		Word string `packetmq:"secret"`
	}
	type guest struct {
		Person `msgpack:",noinline"`
		Word   string `packetmq:"secret"`
	}
	var m codec.Msgpack
	for name, test := range map[string]struct{ as, sent any }{
		"an array in place of a map": {new(login), []any{"open", "hidden"}},
		"a map in place of an array": {new(card), map[string]any{"Number": "hidden"}},
		"after embedded fields":      {new(member), []any{"open", "open", "hidden"}},
		"after an embedded struct":   {new(guest), []any{Person{"open", "open"}, "hidden"}},
	} {
		payload, err := m.Append(nil, test.sent)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Decode(payload, test.as); err != nil || !strings.Contains(fmt.Sprint(test.as), "hidden") {
			t.Fatalf("%s: it is decoded as %+v, %v", name, test.as, err)
		}
		opens := bytes.Count(payload, []byte("open"))
		(&masker{path: secretsOf(reflect.TypeOf(test.as))}).mask(payload)
		if bytes.Contains(payload, []byte("hidden")) || bytes.Count(payload, []byte("open")) != opens {
			t.Errorf("%s: it became %q", name, payload)
		}
	}
}

func TestTypesWithoutSecretsHaveNoPath(t *testing.T) {
	type node struct {
		Next *node
		All  map[string][]node
	}
	for _, typ := range []reflect.Type{nil, reflect.TypeFor[node](), reflect.TypeFor[line](), reflect.TypeFor[[]string]()} {
		if p := secretsOf(typ); p != nil {
			t.Errorf("%v has the path %+v", typ, p)
		}
	}
	type own struct {
		line
		Password string `packetmq:"secret"`
	}
	if p := secretsOf(reflect.TypeFor[map[string][]*own]()); p == nil {
		t.Error("a map of lists of them has none")
	}
}

// FuzzMasker masks any payload without a panic, in pieces as at once, and keeps what is sound sound.
func FuzzMasker(f *testing.F) {
	var m codec.Msgpack
	payload, err := m.Append(nil, fullAccount())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(payload, 3)
	f.Add([]byte("\xdf\xff\xff\xff\xff\xdd\xff\xff\xff\xff\xc7\x05\x01"), 1)
	f.Add([]byte(strings.Repeat("\x91", 100)), 1)
	path := secretsOf(reflect.TypeFor[account]())
	f.Fuzz(func(t *testing.T, payload []byte, step int) {
		for _, path := range []*secretPath{path, tokenPath, {all: true}} {
			whole, parts := bytes.Clone(payload), bytes.Clone(payload)
			(&masker{path: path}).mask(whole)
			k := &masker{path: path}
			step = max(step, 1)
			for at := 0; at < len(parts); {
				next := min(at+step, len(parts))
				if next <= at {
					next = len(parts)
				}
				k.mask(parts[at:next])
				at = next
			}
			if !bytes.Equal(whole, parts) {
				t.Fatalf("%x in parts is %x, at once %x", payload, parts, whole)
			}
			if _, err := m.DecodeAny(payload); err == nil && !path.all {
				if _, err := m.DecodeAny(whole); err != nil {
					t.Fatalf("%x became %x: %v", payload, whole, err)
				}
			}
		}
	})
}
