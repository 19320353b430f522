package members

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

const lease = 2 * time.Second

func hello(name string, epoch uint64, services ...string) Hello {
	return Hello{From: ID{name, epoch}, Services: services}
}

func leaving(name string, epoch uint64) Hello { return Hello{From: ID{name, epoch}, Leaving: true} }

// told is events as text.
func told(events []Event) (all []string) {
	for _, e := range events {
		all = append(all, fmt.Sprint(map[Kind]string{Came: "came", Changed: "changed", Left: "left", Lost: "lost", Forgotten: "forgotten", Usurped: "usurped", Refused: "refused"}[e.Kind],
			" ", e.Hello.From.Name, e.Hello.From.Epoch))
	}
	return all
}

func TestNodesComeAndGo(t *testing.T) {
	m := New(ID{"self", 5}, lease)
	for i, step := range []struct {
		at    time.Duration // in seconds
		hello Hello
		want  []string
	}{
		{0, hello("self", 5), nil},
		{0, hello("a", 1), []string{"came a1"}},
		{1, hello("a", 1), nil},
		{1, hello("a", 1, "shop"), []string{"changed a1"}},
		{2, hello("b", 1), []string{"came b1"}},
		{3, hello("a", 2, "shop"), []string{"lost a1", "came a2"}},
		{3, hello("a", 1), nil},
		{4, leaving("a", 2), []string{"left a2"}},
		{4, hello("a", 2), nil},
		{4, hello("a", 3), []string{"came a3"}},
		{7, hello("b", 1), []string{"lost a3", "lost b1", "came b1"}},
		{7, leaving("c", 1), nil},
		{7, hello("self", 4), nil},
		{7, hello("self", 6), []string{"usurped self6"}},
	} {
		events := m.Tick(step.at * time.Second)
		events = append(events, m.Hello(step.hello, step.at*time.Second)...)
		if got := told(events); !slices.Equal(got, step.want) {
			t.Errorf("step %d: %v, want %v", i, got, step.want)
		}
	}
	if all := m.All(); len(all) != 1 || all[0].From.Name != "b" {
		t.Errorf("there are %v", all)
	}
	m.Heard(ID{"b", 1}, 9*time.Second)
	if events := m.Tick(10 * time.Second); len(events) != 0 {
		t.Errorf("a node that was heard is %v", told(events))
	}
	if _, ok := m.Get("a"); ok {
		t.Error("a node that is lost is there")
	}
}

// Whatever comes in whatever order, a node comes and goes in turn, and never with an older
// epoch than before.
func TestComingAndGoingAlternate(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		m := New(ID{"self", 1}, lease)
		there := make(map[string]ID)
		var now time.Duration
		for range 300 {
			now += time.Duration(rnd.IntN(1500)) * time.Millisecond
			h := hello(string(rune('a'+rnd.IntN(3))), 1+rnd.Uint64N(4))
			h.Leaving = rnd.IntN(8) == 0
			for _, e := range append(m.Tick(now), m.Hello(h, now)...) {
				id, old := e.Hello.From, there[e.Hello.From.Name]
				switch e.Kind {
				case Came:
					if old.Epoch != 0 || old.Later(id) {
						t.Fatalf("seed %d: %v came while %v is there", seed, id, old)
					}
					there[id.Name] = id
				case Left, Lost:
					if old != id {
						t.Fatalf("seed %d: %v went while %v is there", seed, id, old)
					}
					delete(there, id.Name)
				}
			}
		}
	}
}

// A node that is gone for long is forgotten. So an earlier start of the same name, which has
// outlived it, is heard again.
func TestGoneForLong(t *testing.T) {
	m := New(ID{"self", 1}, lease)
	m.Hello(hello("a", 2), 0)
	m.Tick(lease + 1)
	if events := m.Hello(hello("a", 1), 2*lease); len(events) != 0 {
		t.Errorf("an earlier start soon after: %v", told(events))
	}
	if got := told(m.Tick(remember*lease + 1)); !slices.Equal(got, []string{"forgotten a2"}) || len(m.nodes) != 0 {
		t.Errorf("after long: %v, and %d are remembered", got, len(m.nodes))
	}
	if got := told(m.Hello(hello("a", 1), remember*lease+2)); !slices.Equal(got, []string{"came a1"}) {
		t.Errorf("the earlier start: %v", got)
	}
}
