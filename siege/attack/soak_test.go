package attack

import (
	"errors"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/siege/target"
)

func TestSoakJudges(t *testing.T) {
	before := target.Resources{Goroutines: 9, Files: 12}
	looks := func(heaps ...int64) (all []target.Resources) {
		for _, h := range heaps {
			all = append(all, target.Resources{Goroutines: 9, Files: 12, Heap: h})
		}
		return all
	}
	leaky := looks(100, 100, 100)
	leaky[2].Goroutines++
	for _, test := range []struct {
		name  string
		looks []target.Resources
		fails bool
	}{
		{"steady", looks(1000<<12, 1010<<12, 1000<<12, 990<<12, 1019<<12), false},
		{"noisy", looks(500<<10, 510<<10, 520<<10, 515<<10, 520<<10), false},
		{"less", looks(1000<<12, 800<<12, 500<<12), false},
		{"growing", looks(1000<<12, 1010<<12, 1020<<12, 1030<<12, 1040<<12), true},
		{"leaking", leaky, true},
	} {
		var c churn
		if err := c.judge(new(strings.Builder), before, test.looks); errors.Is(err, ErrBroken) != test.fails {
			t.Errorf("%s: got %v", test.name, err)
		}
	}
	c := churn{failed: 1, first: errors.New("not served")}
	if err := c.judge(new(strings.Builder), before, looks(1, 1)); !errors.Is(err, ErrBroken) {
		t.Errorf("a client that was not served: got %v", err)
	}
}
