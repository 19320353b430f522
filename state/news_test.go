package state

import (
	"fmt"
	"testing"
)

// News are made once for readers that were told the same, and anew when there is another change.
func TestNews(t *testing.T) {
	tab := newTable()
	set := func(key uint64, v string) { tab.set(key, []byte(v)) }
	set(1, "a")
	set(2, "b")
	seen := tab.version
	set(1, "c")
	set(3, "d")
	var n news
	for _, step := range []struct {
		name   string
		change func()
		since  uint64
		limit  int
		want   string // "": they are no news
	}{
		{"first", func() {}, seen, 1000, "[c d]"},
		{"the same", func() {}, seen, 1000, "[c d]"},
		{"told less", func() {}, 0, 1000, "[b c d]"},
		{"told all", func() {}, tab.version, 1000, "[]"},
		{"too much", func() {}, seen, 10, ""},
		{"one more", func() { set(2, "e") }, seen, 1000, "[c d e]"},
		{"a removal", func() { tab.remove(3) }, seen, 1000, ""},
		{"after it", func() { seen = tab.version; set(3, "f") }, tab.version, 1000, "[f]"},
	} {
		step.change()
		if step.name == "after it" {
			step.since = seen
		}
		ok := n.since(step.since, &tab, step.limit)
		if got := fmt.Sprintf("%s", n.payloads); ok != (step.want != "") || ok && got != step.want {
			t.Errorf("%s: %v, %s, want %s", step.name, ok, got, step.want)
		}
	}
}

// A change that was copied once for some readers is not copied again.
func TestNewsAreShared(t *testing.T) {
	tab := newTable()
	tab.set(1, []byte("a"))
	var n news
	n.since(0, &tab, 1000)
	first := &n.payloads[0][0]
	tab.slots[0].payload[0] = 'b' // without a change of the version
	if n.since(0, &tab, 1000); &n.payloads[0][0] != first || *first != 'a' {
		t.Error("they were copied again")
	}
}
