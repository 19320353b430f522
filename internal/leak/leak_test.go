package leak

import (
	"os"
	"testing"
)

// block is a goroutine of this module.
func block(started, stop chan struct{}) {
	close(started)
	<-stop
}

func TestGoroutinesSeesOurs(t *testing.T) {
	before := len(goroutines())
	started, stop := make(chan struct{}), make(chan struct{})
	go block(started, stop)
	<-started
	if got := len(goroutines()); got != before+1 {
		t.Errorf("%d goroutines with one more started, want %d", got, before+1)
	}
	close(stop)
}

func TestOpenFilesCounts(t *testing.T) {
	before := openFiles()
	if before == 0 {
		t.Skip("this system does not list descriptors")
	}
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := openFiles(); got != before+1 {
		t.Errorf("%d descriptors with one more open, want %d", got, before+1)
	}
}

func TestCheckPassesWhenNothingIsLeft(t *testing.T) { Check(t) }
