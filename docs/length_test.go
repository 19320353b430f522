package docs

import (
	"regexp"
	"strings"
	"testing"
)

// TestDocumentsThatAreReadFirstAreShort counts the words of the README and the
// lines of ARCHITECTURE.md. Code counts, tables and links too.
func TestDocumentsThatAreReadFirstAreShort(t *testing.T) {
	if n := len(strings.Fields(read(t, "../README.md"))); n > 900 {
		t.Errorf("README.md has %d words, at most 900 are to be read before a first use", n)
	}
	if n := strings.Count(read(t, "../ARCHITECTURE.md"), "\n"); n > 150 {
		t.Errorf("ARCHITECTURE.md has %d lines, at most 150 make a map", n)
	}
}

var tableRow = regexp.MustCompile(`(?m)^\|.*\|$`)

// TestTheReadmeHasNoLargeTable: the comparison of everything with everything is in
// docs/performance.md.
func TestTheReadmeHasNoLargeTable(t *testing.T) {
	_, comparison, ok := strings.Cut(read(t, "../README.md"), "\n## How it compares\n")
	if !ok {
		t.Fatal("README.md does not say how it compares")
	}
	comparison, _, _ = strings.Cut(comparison, "\n## ")
	if rows := len(tableRow.FindAllString(comparison, -1)) - 2; rows > 6 { // beside the head
		t.Errorf("the comparison in README.md has %d rows, at most 6", rows)
	}
}
