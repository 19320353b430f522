package await

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// failing is a test that notes why it fails.
type failing struct {
	testing.TB
	why string
}

func (f *failing) Helper() {}

func (f *failing) Fatalf(format string, args ...any) {
	f.why = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func TestValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := make(chan int)
		go func() {
			time.Sleep(Patience - time.Second) // the bubble's
			ch <- 7
			close(ch)
		}()
		if got := Value(t, "number", ch); got != 7 {
			t.Errorf("got %d", got)
		}
		if got := Value(t, "end", ch); got != 0 {
			t.Errorf("got %d of a closed channel", got)
		}
	})
}

func TestTrue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		True(t, "the right time", func() bool { return time.Since(began) > Patience-time.Second })
	})
}

func TestPatienceEnds(t *testing.T) {
	for want, wait := range map[string]func(tb testing.TB){
		"no number within 30s":    func(tb testing.TB) { Value(tb, "number", make(chan int)) },
		"not within 30s: the end": func(tb testing.TB) { True(tb, "the end", func() bool { return false }) },
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &failing{TB: t}
			done := make(chan struct{})
			go func() { defer close(done); wait(f) }()
			<-done
			if !strings.HasPrefix(f.why, want) {
				t.Errorf("failed because of %q, want %q", f.why, want)
			}
		})
	}
}
