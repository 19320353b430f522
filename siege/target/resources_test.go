package target

import (
	"strings"
	"testing"
)

func TestExcess(t *testing.T) {
	before := Resources{Goroutines: 9, Files: 12, RSS: 5}
	for what, after := range map[string]Resources{
		"":            {Goroutines: 9, Files: 11, RSS: 500},
		"goroutines":  {Goroutines: 10, Files: 12},
		"descriptors": {Goroutines: 9, Files: 13},
		"conns":       {Conns: 1},
		"buffers":     {Buffers: 1},
	} {
		if got := after.Excess(before); !strings.Contains(got, what) || what == "" && got != "" {
			t.Errorf("%+v: got %q, want %q", after, got, what)
		}
	}
}
