package main

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/internal/leak"
)

// The program prints what its README says. The last lines of shop and customer are in any order.
func TestRun(t *testing.T) {
	leak.Check(t)
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(string(readme)) {
		if line, ok := strings.CutPrefix(line, "    "); ok && !strings.HasPrefix(line, "go run") {
			want = append(want, strings.TrimSpace(line))
		}
	}
	got := strings.Split(strings.TrimSpace(out.String()), "\n")
	// Both sides' clocks end the wait for gold. Where the shop's is first, it has closed by then.
	for i, line := range got {
		if strings.HasPrefix(line, "customer: gold: ") && strings.HasSuffix(line, "shop.closed") {
			got[i] = want[slices.IndexFunc(want, func(l string) bool { return strings.HasPrefix(l, "customer: gold: ") })]
		}
	}
	if len(got) == len(want) && len(got) > 4 {
		if !slices.Equal(got[:4], want[:4]) {
			t.Errorf("printed first\n%s", strings.Join(got[:4], "\n"))
		}
		slices.Sort(got)
		slices.Sort(want)
	}
	if !slices.Equal(got, want) {
		t.Errorf("printed\n%s", out.String())
	}
}
