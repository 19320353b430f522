package clock

import (
	"os"
	"testing"
)

func TestOf(t *testing.T) {
	from, err := Of(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for to := from; to == from; { // until this loop has been counted
		if to, err = Of(os.Getpid()); err != nil || to < from {
			t.Fatalf("%d after %d, %v", to, from, err)
		}
	}
	both, err := Of(os.Getpid(), os.Getpid())
	if err != nil || both < 2*from {
		t.Errorf("twice the process: %d, once %d; %v", both, from, err)
	}
	if none, err := Of(); none != 0 || err != nil {
		t.Errorf("no process: %d, %v", none, err)
	}
	if _, err := Of(1 << 22); err == nil { // one more than there can be
		t.Error("a process that there is not has a clock")
	}
}
