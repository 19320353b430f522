package attack

import (
	"testing"
	"time"
)

// Those count during which others used the processors least, whatever they say.
func TestBouts(t *testing.T) {
	ms := time.Millisecond
	b := comparison{want: 2, all: []comparisonRound{{0.9, 1 * ms, []time.Duration{9 * ms}}, {0.1, 2 * ms, []time.Duration{5 * ms}}}}
	if b.done() {
		t.Error("done with one calm bout of two")
	}
	b.all = append(b.all, comparisonRound{0.15, 2 * ms, []time.Duration{7 * ms}})
	if !b.done() || b.alone() != 2*ms || b.beside(0) != 6*ms || b.othersCPU() != 0.15 {
		t.Errorf("got %v %v %v %v, want the calm bouts alone", b.done(), b.alone(), b.beside(0), b.othersCPU())
	}
	busy := comparison{want: 2}
	for i := range 6 {
		busy.all = append(busy.all, comparisonRound{1 - float64(i)/10, 9 * ms, []time.Duration{time.Duration(i) * ms}})
	}
	if !busy.done() || busy.beside(0) != 4500*time.Microsecond || busy.othersCPU() != 0.6 || busy.scale(2*ms) != 5*ms {
		t.Errorf("got %v %v %v, want the two calmest", busy.done(), busy.beside(0), busy.othersCPU())
	}
}
