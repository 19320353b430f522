package registry

import "testing"

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
			ty := mustAdd(t, New(false), "app:a", 20, tt.obj)
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
