package state

import (
	"reflect"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/room"
)

// limited is a State of values of 100 bytes at most.
func limited(t *testing.T) *State[named] {
	t.Helper()
	reg := registry.New()
	pkt := MustAdd(reg, "test:limited", 50, func(v *named) uint64 { return v.ID }, registry.MaxSize(100))
	srv := peer.NewMemoryServer(reg, nil)
	t.Cleanup(func() { srv.Close() })
	return NewFor(srv, pkt)
}

func TestAddTellsWhatIsWrong(t *testing.T) {
	reg := registry.New()
	key := func(v *named) uint64 { return v.ID }
	if _, err := Add(reg, "no name", 50, key); err == nil || !strings.HasPrefix(err.Error(), "state: ") {
		t.Errorf("a wrong name: %v", err)
	}
	var p Packet[named]
	if p.Name() != "" {
		t.Errorf("the zero Packet is called %q", p.Name())
	}
	if err := reg.Add(p.Packets()...); err == nil {
		t.Error("the zero Packet was added")
	}
}

func TestWhereTheProgramIsWrongItPanics(t *testing.T) {
	s := newStage(t)
	lacked := Define("test:lacked", 51, func(v *thing) uint64 { return v.ID })
	keyless := Define[thing]("test:keyless", 52, nil)
	hooked := Define("test:hooked", 53, func(v *thing) uint64 { return v.ID }, registry.WithObject(&sender{}))
	s.reg.MustAdd(append(hooked.Packets(), keyless.Packets()...)...)
	for what, call := range map[string]func(){
		"a zero Packet":              func() { New(s.lobby, Packet[thing]{}) },
		"a zero Packet of a mirror":  func() { NewMirror(s.server, Packet[thing]{}, nil) },
		"a zero Room":                func() { New(room.Room{}, things) },
		"no peer":                    func() { NewFor((*peer.Server)(nil), things) },
		"no peer to enable":          func() { Enable((*peer.Server)(nil)) },
		"a packet that is not there": func() { NewFor(s.server, lacked) },
		"no key":                     func() { NewFor(s.server, keyless) },
		"hooks for sending":          func() { NewFor(s.server, hooked) },
		"a name that Add refuses":    func() { MustAdd(registry.New(), "", 50, things.def.key) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is taken", what)
				}
			}()
			call()
		}()
	}
}

// sender is a packet object with a hook for sending.
type sender struct{ sent int }

func (s *sender) OnSend(to registry.Conn, v any) (registry.Conn, any, error) {
	s.sent++
	return to, v, nil
}

func TestWhatIsFlat(t *testing.T) {
	for _, test := range []struct {
		v    any
		flat bool
	}{
		{1, true}, {"text", true}, {[3]float64{}, true}, {thing{}, true}, {struct{ A [2]thing }{}, true},
		{[]int{}, false}, {map[string]int{}, false}, {&thing{}, false}, {named{}, false}, {[1]*int{}, false},
		{struct{ A any }{}, false}, {struct{ F func() }{}, false}, {struct{ hidden []byte }{}, false},
	} {
		if got := isFlat(reflect.TypeOf(test.v)); got != test.flat {
			t.Errorf("%T is flat: %v", test.v, got)
		}
	}
}

func TestSettings(t *testing.T) {
	for what, test := range map[string]struct{ got, want Config }{
		"none":         {configOf(nil), Config{DefaultHz, DefaultKeys, DefaultOwed, DefaultPerTick}},
		"nil":          {configOf([]Option{nil, (*Config)(nil)}), Config{DefaultHz, DefaultKeys, DefaultOwed, DefaultPerTick}},
		"frequency":    {configOf([]Option{&Config{Keys: 7}, Hz(5)}), Config{5, 7, DefaultOwed, DefaultPerTick}},
		"too often":    {configOf([]Option{Hz(1e9)}), Config{MaxHz, DefaultKeys, DefaultOwed, DefaultPerTick}},
		"less than 0":  {configOf([]Option{&Config{-1, -1, -1, -1}}), Config{DefaultHz, DefaultKeys, DefaultOwed, DefaultPerTick}},
		"all replaced": {configOf([]Option{Hz(5), &Config{Owed: 3}}), Config{DefaultHz, DefaultKeys, 3, DefaultPerTick}},
	} {
		if test.got != test.want {
			t.Errorf("%s: %+v, want %+v", what, test.got, test.want)
		}
	}
}
