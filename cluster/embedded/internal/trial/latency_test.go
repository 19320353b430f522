package trial

import (
	"testing"
	"time"
)

func TestQuantile(t *testing.T) {
	var l latencies
	for i := 100; i > 0; i-- {
		l.add(time.Duration(i))
	}
	each := l.take()
	for q, want := range map[float64]time.Duration{0: 1, 0.5: 51, 0.99: 100, 1: 100} {
		if got := quantile(each, q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if got := quantile(l.take(), 0.5); got != 0 {
		t.Errorf("of none: %v", got)
	}
}
