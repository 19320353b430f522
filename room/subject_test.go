package room

import (
	"slices"
	"strings"
	"testing"
)

// One pattern covers another if and only if there is no subject that the other alone matches:
// all short patterns are compared, by subjects of one token more that have one besides.
func TestCoversAgreesWithMatching(t *testing.T) {
	subjects := lists([]string{"a", "b", "c"}, 4)
	var patterns []string
	for _, p := range lists([]string{"a", "b", "*", ">"}, 3) {
		if CheckPattern(p) == nil {
			patterns = append(patterns, p)
		}
	}
	matched := make(map[string][]bool)
	for _, p := range patterns {
		for _, s := range subjects {
			matched[p] = append(matched[p], matches(strings.Split(p, "."), strings.Split(s, ".")))
		}
	}
	for _, wide := range patterns {
		for _, narrow := range patterns {
			want := true
			for i := range subjects {
				want = want && (matched[wide][i] || !matched[narrow][i])
			}
			if Covers(wide, narrow) != want {
				t.Errorf("Covers(%q, %q) is %v", wide, narrow, !want)
			}
		}
	}
	if len(patterns) < 50 || Covers("a..b", "a..b") || Covers("", "") || Covers(">", "a b") {
		t.Errorf("%d patterns; what is no pattern is covered", len(patterns))
	}
}

// lists are all subjects of up to n tokens.
func lists(tokens []string, n int) []string {
	all := slices.Clone(tokens)
	for last := all; n > 1; n-- {
		var longer []string
		for _, s := range last {
			for _, token := range tokens {
				longer = append(longer, s+"."+token)
			}
		}
		all, last = append(all, longer...), longer
	}
	return all
}

// The checks say what Join and Subscribe say.
func TestNamesCanBeCheckedBefore(t *testing.T) {
	for name, want := range map[string]error{"": ErrName, "x": nil, strings.Repeat("x", MaxName): nil, strings.Repeat("x", MaxName+1): ErrName} {
		if err := CheckName(name); err != want {
			t.Errorf("%q: %v", name, err)
		}
	}
}
