package codec

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
)

// letter is an Envelope; unsealed is the same without the methods.
type letter struct {
	_msgpack struct{} `msgpack:",as_array"` //lint:ignore U1000 the codec reads the tag

	N      uint64
	Stamp  *string // the methods do not apply if there is one
	Inside *sheet
}

type unsealed struct {
	_msgpack struct{} `msgpack:",as_array"` //lint:ignore U1000 the codec reads the tag

	N      uint64
	Stamp  *string
	Inside *sheet
}

type sheet struct {
	Text string
	More []int
}

func (l *letter) AppendHead(b []byte) ([]byte, bool) {
	if l.Stamp != nil {
		return b, false
	}
	return AppendNil(AppendUint(AppendArrayHeader(b, 3), l.N)), true
}

func (l *letter) ReadHead(b []byte) ([]byte, bool) {
	n, rest, err := ReadArrayHeader(b)
	if err != nil || n != 3 {
		return b, false
	}
	id, rest, err := ReadUint(rest)
	if err != nil {
		return b, false
	}
	if rest, err = ReadNil(rest); err != nil {
		return b, false
	}
	l.N, l.Stamp = id, nil
	return rest, true
}

func (l *letter) Carried(fresh bool) any {
	if fresh {
		l.Inside = new(sheet)
	}
	return l.Inside
}

func (l *letter) Empty() { l.Inside = nil }

// An Envelope has the bytes of its fields, and is decoded from them, whether its methods
// apply or not.
func TestAnEnvelopeHasTheBytesOfItsFields(t *testing.T) {
	m := new(Msgpack)
	stamp := "a"
	for name, l := range map[string]letter{
		"full":    {N: 300, Inside: &sheet{"text", []int{1, -2}}},
		"empty":   {N: 1},
		"stamped": {N: 2, Stamp: &stamp, Inside: &sheet{Text: "x"}},
	} {
		got, err := m.Append([]byte("before"), &l)
		if err != nil {
			t.Fatal(err)
		}
		want, err := m.Append([]byte("before"), &unsealed{N: l.N, Stamp: l.Stamp, Inside: l.Inside})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %x, want %x", name, got, want)
		}
		for into, start := range map[string]letter{"new": {}, "used": {N: 9, Inside: &sheet{Text: "old"}}} {
			if err := m.Decode(got[len("before"):], &start); err != nil || !reflect.DeepEqual(start.Inside == nil, l.Inside == nil) ||
				start.N != l.N || l.Inside != nil && start.Inside.Text != l.Inside.Text {
				t.Errorf("%s, into a %s one: %+v, %v", name, into, start, err)
			}
		}
		in, err := m.Append(nil, []any{&l})
		if err != nil || !bytes.HasSuffix(in, want[len("before"):]) {
			t.Errorf("%s, in an array: %x, %v", name, in, err)
		}
	}
}

// What an Envelope carries counts for the budget, and what does not fit is an error.
func TestAnEnvelopeIsHeldToTheLimits(t *testing.T) {
	m := new(Msgpack)
	b, err := m.Append(nil, &letter{N: 1, Inside: &sheet{Text: "12345678901234567890"}})
	if err != nil {
		t.Fatal(err)
	}
	for budget, want := range map[int]error{8: ErrBudget, 56: ErrBudget, 1000: nil} {
		var a letter
		var f unsealed
		err := m.DecodeWithin(&Limits{Budget: budget}, b, &a)
		if same := m.DecodeWithin(&Limits{Budget: budget}, b, &f); !errors.Is(err, want) || !errors.Is(same, want) {
			t.Errorf("with %d bytes: %v, and by fields %v", budget, err, same)
		}
	}
	var fault *CodecError
	if err := m.Decode([]byte{0x93, 1, 0xc0, 0x05}, new(letter)); !errors.As(err, &fault) || !errors.Is(err, ErrKind) {
		t.Errorf("a number inside: %v", err)
	}
	if err := m.Decode([]byte{0x92, 1, 0xc0}, new(letter)); !errors.Is(err, ErrKind) {
		t.Errorf("two elements: %v", err)
	}
	if _, err := m.Append(nil, &letter{Inside: &sheet{Text: "\xff"}}); !errors.Is(err, ErrUTF8) {
		t.Errorf("text that is not UTF-8: %v", err)
	}
	if err := m.Decode(b, (*letter)(nil)); err == nil {
		t.Error("a nil Envelope was decoded into")
	}
	if b, err := m.Append(nil, (*letter)(nil)); err != nil || !bytes.Equal(b, []byte{0xc0}) {
		t.Errorf("a nil Envelope is %x, %v", b, err)
	}
}
