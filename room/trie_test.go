package room

import (
	"slices"
	"strings"
	"testing"
)

// matches is what the trie is compared with.
func matches(pattern, subject []string) bool {
	switch {
	case len(pattern) == 0 || len(subject) == 0:
		return len(pattern) == len(subject)
	case pattern[0] == ">":
		return true
	}
	return (pattern[0] == "*" || pattern[0] == subject[0]) && matches(pattern[1:], subject[1:])
}

// FuzzMatch reads patterns, one a line, and a subject on the first line. It compares which of
// the patterns match with what a simple matcher says, also after some were removed.
func FuzzMatch(f *testing.F) {
	for _, seed := range []string{
		"px.eu.bund\npx.eu.*\npx.>\n*.*.*\n>\n*\npx.eu\npx.eu.bund.fut\npx.eu.bund",
		"a\n*\n>\na\na.*\na.>\n*.>",
		"a.a.a.a\n*.a.*.a\na.*.>\n*.*.*.*\na.a.a.>\na.a.a.a.>",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Split(text, "\n")
		subject := lines[0]
		if checkSubject(subject, false) != nil {
			return
		}
		topics := new(Topics)
		patterns := make(map[string]*set)
		for _, p := range lines[1:] {
			if checkSubject(p, true) == nil {
				patterns[p] = topics.set(p, true)
			}
		}
		check := func() {
			t.Helper()
			var got, want []string
			topics.root.match(subject, func(s *set) { got = append(got, s.name) })
			for p := range patterns {
				if matches(strings.Split(p, "."), strings.Split(subject, ".")) {
					want = append(want, p)
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%q is matched by %q, want %q", subject, got, want)
			}
			if topics.patterns != len(patterns) {
				t.Errorf("%d patterns are counted, there are %d", topics.patterns, len(patterns))
			}
		}
		check()
		for i, p := range lines[1:] {
			if s := patterns[p]; s != nil && i%2 == 0 {
				topics.dropPattern(s)
				delete(patterns, p)
			}
		}
		check()
		for p, s := range patterns {
			topics.dropPattern(s)
			delete(patterns, p)
		}
		if !topics.root.isLeaf() || topics.patterns != 0 {
			t.Errorf("branches without patterns are left: %v", topics.root)
		}
	})
}

// What can be a subject can be a pattern, and no other pattern can but for its wildcards.
func FuzzSubject(f *testing.F) {
	for _, seed := range []string{"px.eu.bund", "px.*", ">", "a..b", ".", "a*", "a b", strings.Repeat("a.", 16) + "a", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		isSubject, isPattern := checkSubject(s, false) == nil, checkSubject(s, true) == nil
		if wild := strings.ContainsAny(s, "*>"); isSubject != (isPattern && !wild) {
			t.Errorf("%q is a subject: %v, a pattern: %v", s, isSubject, isPattern)
		}
		if isPattern && (len(s) > MaxSubject || strings.Count(s, ".") >= MaxTokens || strings.Contains("."+s+".", "..")) {
			t.Errorf("%q is a pattern", s)
		}
	})
}

func TestSubjects(t *testing.T) {
	long := strings.Repeat("x", MaxSubject)
	deep := strings.Repeat("a.", MaxTokens-1) + "a"
	for s, want := range map[string][2]bool{ // a subject, a pattern
		"px":         {true, true},
		"px.eu.bund": {true, true},
		"Größe.€":    {true, true},
		long:         {true, true},
		long + "x":   {false, false},
		deep:         {true, true},
		deep + ".a":  {false, false},
		"":           {false, false},
		".":          {false, false},
		"px.":        {false, false},
		".px":        {false, false},
		"px..eu":     {false, false},
		"px eu":      {false, false},
		"px\t":       {false, false},
		"*":          {false, true},
		">":          {false, true},
		"px.*.eu":    {false, true},
		"px.>":       {false, true},
		"px.>.eu":    {false, false},
		">.*":        {false, false},
		"px*":        {false, false},
		"a>.b":       {false, false},
		"**":         {false, false},
	} {
		if got := [2]bool{checkSubject(s, false) == nil, checkSubject(s, true) == nil}; got != want {
			t.Errorf("%q is a subject, a pattern: %v, want %v", s, got, want)
		}
	}
}
