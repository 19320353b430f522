package registry

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

type (
	sender   struct{}
	encoder  struct{}
	decoder  struct{}
	receiver struct{}
	valuer   struct{}
	all      struct {
		*sender
		*encoder
		*decoder
		*receiver
		*valuer
	}
)

func (*sender) OnSend(to Conn, v any) (Conn, any, error) { return to, v, nil }
func (*encoder) OnEncode(_ Conn, v any) (any, error)     { return v, nil }
func (*decoder) OnDecode(_ Conn, v any) (any, error)     { return v, nil }
func (*receiver) OnReceive(Conn, any) error              { return nil }
func (*valuer) NewValue() any                            { return new(int) }

func TestHooks(t *testing.T) {
	s, e, d, r, v := &sender{}, &encoder{}, &decoder{}, &receiver{}, &valuer{}
	everything := &all{s, e, d, r, v}
	tests := []struct {
		name string
		obj  any
		want *Hooks
	}{
		{"nil", nil, nil},
		{"none", &object{}, nil},
		{"valuer", v, nil},
		{"sender", s, &Hooks{Send: s}},
		{"encoder", e, &Hooks{Encode: e}},
		{"decoder", d, &Hooks{Decode: d}},
		{"receiver", r, &Hooks{Receive: r}},
		{"all", everything, &Hooks{everything, everything, everything, everything}},
		{"all, by value", *everything, &Hooks{*everything, *everything, *everything, *everything}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ty := mustAdd(t, New(), "app:a", 20, tt.obj)
			got := ty.Hooks()
			if (got == nil) != (tt.want == nil) || got != nil && *got != *tt.want {
				t.Errorf("Hooks() = %v, want %v", got, tt.want)
			}
			if ty.Object() != tt.obj {
				t.Errorf("Object() = %v", ty.Object())
			}
		})
	}
}

// shifty has every hook in the shape that is told the packet.
type shifty struct{ told []string }

func (s *shifty) OnSend(to Conn, t *Type, v any) (Conn, any, error) {
	s.told = append(s.told, t.Name()+" send")
	return to, v, nil
}
func (s *shifty) OnEncode(_ Conn, t *Type, v any) (any, error) {
	s.told = append(s.told, t.Name()+" encode")
	return v, nil
}
func (s *shifty) OnDecode(_ Conn, t *Type, v any) (any, error) {
	s.told = append(s.told, t.Name()+" decode")
	return v, nil
}
func (s *shifty) OnReceive(_ Conn, t *Type, _ any) error {
	s.told = append(s.told, t.Name()+" receive")
	return nil
}
func (s *shifty) NewValue(t *Type) any {
	s.told = append(s.told, t.Name()+" value")
	return new(int)
}

// An object of several packets is told each time which of them it serves.
func TestHooksAreToldTheirPacket(t *testing.T) {
	r, obj := New(), &shifty{}
	for i, name := range []string{"app:a", "app:b"} {
		ty := mustAdd(t, r, name, 20+i, obj)
		h := ty.Hooks()
		h.Send.OnSend(&conn{}, 1)
		h.Encode.OnEncode(&conn{}, 1)
		h.Decode.OnDecode(&conn{}, 1)
		h.Receive.OnReceive(&conn{}, 1)
		if _, ok := ty.New().(*int); !ok {
			t.Errorf("New() is a %T", ty.New())
		}
		want := []string{name + " send", name + " encode", name + " decode", name + " receive", name + " value"}
		if !slices.Equal(obj.told, want) {
			t.Errorf("told %q, want %q", obj.told, want)
		}
		obj.told = nil
	}
}

type (
	oddSend    struct{}
	oddEncode  struct{}
	oddDecode  struct{}
	oddReceive struct{}
	oddValue   struct{}
	python     struct{}
	onPointer  struct{}
)

func (oddSend) OnSend(to Conn, v any) error                 { return nil }
func (oddEncode) OnEncode(v any) (any, error)               { return v, nil }
func (oddDecode) OnDecode(from Conn, v []byte) (any, error) { return v, nil }
func (oddReceive) OnReceive(from Conn, v any)               {}
func (oddValue) NewValue() *int                             { return nil }
func (python) OnReceive(packet any, from, to Conn) error    { return nil }
func (*onPointer) OnReceive(from Conn, v any) error         { return nil }

// A hook that would never be called is an error that says which shape it must
// have.
func TestHooksOfAnotherShapeAreRefused(t *testing.T) {
	tests := []struct {
		obj  any
		says []string
	}{
		{oddSend{}, []string{"OnSend", "func(registry.Conn, interface {}) error", "func(registry.Conn, interface {}) (registry.Conn, interface {}, error)", "*registry.Type"}},
		{&oddSend{}, []string{"OnSend"}},
		{oddEncode{}, []string{"OnEncode", "func(registry.Conn, interface {}) (interface {}, error)"}},
		{oddDecode{}, []string{"OnDecode", "func(registry.Conn, interface {}) (interface {}, error)"}},
		{oddReceive{}, []string{"OnReceive", "func(registry.Conn, interface {}) error"}},
		{oddValue{}, []string{"NewValue", "func() interface {}"}},
		{python{}, []string{"OnReceive", "func(registry.Conn, interface {}) error"}},
		{onPointer{}, []string{"OnReceive", "register a pointer"}},
		{struct {
			*sender
			oddReceive
		}{}, []string{"OnReceive"}},
	}
	for _, tt := range tests {
		r := New()
		_, plain := r.AddObject("app:a", 20, tt.obj)
		_, typed := Add[int](r, "app:a", 20, WithObject(tt.obj))
		_, internal := r.AddInternal("packetmq:a", 5, tt.obj)
		for _, err := range []error{plain, typed, internal} {
			e, ok := errors.AsType[*ObjectError](err)
			if !ok {
				t.Errorf("%T: %v", tt.obj, err)
				continue
			}
			for _, part := range tt.says {
				if !strings.Contains(e.Error(), part) {
					t.Errorf("%T: %q does not say %q", tt.obj, e, part)
				}
			}
		}
	}
}
