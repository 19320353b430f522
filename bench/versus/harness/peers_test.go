package harness

import (
	"slices"
	"testing"
)

// What is compared by default is all that there is.
func TestModesAreAllOfThem(t *testing.T) {
	all := Modes()
	for _, mode := range []string{"raw", "marshal", "typed", "any", "call", "go", "room", "topic", "session", "user", "ask", "across", "alone", "still"} {
		if !slices.Contains(all, mode) {
			t.Errorf("%v lack %s", all, mode)
		}
	}
}
