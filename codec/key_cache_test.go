package codec

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestKeys(t *testing.T) {
	for n := range 40 {
		var s keys
		want := strings.Repeat("k", n)
		for range 4 {
			if got := s.text([]byte(want)); got != want {
				t.Errorf("%q came back as %q", want, got)
			}
		}
		allocs := testing.AllocsPerRun(10, func() { s.text([]byte(want)) })
		if kept := n <= maxKey; !raceEnabled && kept != (allocs == 0) {
			t.Errorf("%d bytes: %v allocations", n, allocs)
		}
	}
}

// A flood of keys that come once costs what strings cost, and leaves alone what
// is there.
func TestKeysThatComeOnce(t *testing.T) {
	var s keys
	usual := []byte("usual")
	for range 2 {
		s.text(usual)
	}
	for i := range 10000 {
		if want := fmt.Sprint("key ", i); s.text([]byte(want)) != want {
			t.Fatalf("%q is another", want)
		}
	}
	if n := testing.AllocsPerRun(10, func() { s.text(usual) }); n != 0 {
		t.Errorf("%v allocations for a key that was kept", n)
	}
	for i := range s.sets {
		for j := range s.sets[i].keys {
			if key := s.sets[i].keys[j].Load(); key != nil && *key != "usual" {
				t.Errorf("%q was kept", *key)
			}
		}
	}
}

func TestKeysOfManyGoroutines(t *testing.T) {
	var s keys
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 5000 {
				if want := fmt.Sprint(i % 500 / 2); s.text([]byte(want)) != want {
					t.Errorf("%q is another", want)
				}
			}
		})
	}
	wg.Wait()
}
