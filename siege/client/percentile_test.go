package client

import (
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	var d []time.Duration
	for i := range 101 {
		d = append(d, time.Duration(101-i))
	}
	if Percentile(d, 50) != 51 || Percentile(d, 100) != 101 || Percentile(nil, 50) != 0 || d[0] != 101 {
		t.Errorf("got %v, %v, %v", Percentile(d, 50), Percentile(d, 100), Percentile(nil, 50))
	}
}
