package target

import (
	"os"
	"testing"
)

func TestOthers(t *testing.T) {
	before := CPU{whole: 1000, idle: 500, ours: 100}
	if got := (CPU{whole: 1200, idle: 550, ours: 200}).Others(before); got != 0.25 {
		t.Errorf("of 200, 50 idle and 100 ours, others used %v", got)
	}
	if got := (CPU{whole: 1200, idle: 600, ours: 201}).Others(before); got != 0 {
		t.Errorf("got %v", got)
	}
	if _, err := ReadCPU(os.Getpid()); err != nil {
		t.Error(err)
	}
}
