package members

import (
	"fmt"
	"slices"
	"testing"
)

// flood says hello in many names, and counts those that are refused.
func flood(m *Members, prefix string, count int) (refused int) {
	for i := range count {
		for _, e := range m.Hello(hello(fmt.Sprint(prefix, i), 1), 0) {
			if e.Kind == Refused {
				refused++
			}
		}
	}
	return refused
}

// Hellos in many names take bounded room, and push out nobody who was spoken with. A node that has
// proven to be one comes in beside them.
func TestStrangersAreBounded(t *testing.T) {
	m := New(ID{"self", 5}, lease)
	m.Hello(hello("member", 1), 0)
	m.Prove(ID{"member", 1})
	if refused := flood(m, "x", 10*MaxNodes); refused != 10*MaxNodes-MaxStrangers {
		t.Errorf("%d were refused", refused)
	}
	if _, there := m.Get("member"); !there || len(m.All()) != MaxStrangers+1 {
		t.Errorf("%d are there, and the member: %v", len(m.All()), there)
	}
	if got := told(m.Hello(hello("late", 1), 0)); !slices.Equal(got, []string{"refused late1"}) {
		t.Errorf("one more: %v", got)
	}
	m.Prove(ID{"late", 1})
	if got := told(m.Hello(hello("late", 1), 0)); !slices.Equal(got, []string{"came late1"}) {
		t.Errorf("one that has proven to be a node: %v", got)
	}
	if got := told(m.Hello(hello("member", 2), 0)); !slices.Equal(got, []string{"lost member1", "came member2"}) {
		t.Errorf("a member that has started again: %v", got)
	}
	m.Fail(ID{"x7", 1})
	m.Fail(ID{"late", 1}) // whose conn has ended, which says nothing
	if got := told(m.Hello(hello("y", 1), 0)); !slices.Equal(got, []string{"lost x71", "came y1"}) {
		t.Errorf("in place of one that has not answered: %v", got)
	}
}

// Who says in many names that it leaves takes bounded memory, and makes no room for strangers.
func TestLeavingStrangersAreBounded(t *testing.T) {
	m := New(ID{"self", 5}, lease)
	for i := range 2 * MaxNodes {
		m.Hello(leaving(fmt.Sprint("x", i), 1), 0)
	}
	if len(m.nodes) != MaxNodes {
		t.Errorf("%d are remembered", len(m.nodes))
	}
	if got := m.Hello(hello("a", 1), 0); len(got) != 2 || got[0].Kind != Forgotten || got[1].Kind != Came || len(m.nodes) != MaxNodes {
		t.Errorf("a node: %v, and %d are remembered", told(got), len(m.nodes))
	}
	for i := range 2 * maxVouched {
		m.Prove(ID{fmt.Sprint("v", i), 1})
	}
	if len(m.vouched) != maxVouched {
		t.Errorf("%d are vouched for", len(m.vouched))
	}
}
