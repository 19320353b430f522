package memconn_test

import (
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/memconn"
)

func TestFinish(t *testing.T) {
	const total = 3 << 20
	everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
		var got, sent pattern
		a := &side{}
		b := &side{received: func(_ *engine.Conn, b []byte) int { got.check(b); return len(b) }}
		at.connect(t, a, b)
		a.Queue(sent.append(nil, total/2))
		at.la.Post(func() {
			out := a.Out()
			out.B = sent.append(out.B, total/2)
			a.Finish(patience)
		})
		b.ends(t, "other side", io.EOF)
		a.ends(t, "side that finished", nil)
		if err := a.Queue([]byte("late")); !errors.Is(err, engine.ErrClosed) {
			t.Errorf("Queue after the end: %v, want ErrClosed", err)
		}
		if n := a.Pending(); n != 0 {
			t.Errorf("%d bytes told as lost", n)
		}
		at.close(t)
		if got != total {
			t.Errorf("%d bytes arrived, want %d", got, total)
		}
	})
}

// Both sides finish at once, with output on its way. Whether a side sees the
// other's end first is up to the moment; that both end is not.
func TestFinishBothSides(t *testing.T) {
	everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
		a, b := &side{}, &side{}
		at.connect(t, a, b)
		var wg sync.WaitGroup
		for _, s := range []*side{a, b} {
			wg.Go(func() {
				s.Queue(make([]byte, 1<<20))
				s.Finish(patience)
			})
		}
		wg.Wait()
		ea, eb := wait(t, "end", a.end), wait(t, "end", b.end)
		for _, err := range []error{ea, eb} {
			if err != nil && err != io.EOF {
				t.Errorf("Closed(%v)", err)
			}
		}
		if ea != nil && eb != nil {
			t.Errorf("Closed(%v) and Closed(%v): neither side finished", ea, eb)
		}
	})
}

// A reader that does not read keeps the other side from finishing, until the
// grace is over.
func TestFinishTimesOut(t *testing.T) {
	everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
		a := &side{}
		b := &side{received: func(*engine.Conn, []byte) int { return 0 }}
		at.connect(t, a, b)
		for range 4 {
			a.Queue(make([]byte, memconn.Window))
			settle(t, at.la)
		}
		a.Finish(time.Millisecond)
		a.ends(t, "writer", engine.ErrFlushTimeout)
		if a.Pending() == 0 {
			t.Error("no bytes told as lost")
		}
	})
}
