package engine

import (
	"runtime"
	"testing"
)

// Each event is told once, whatever a handler does, and those after it are told too.
func TestDeferredEventsComeOnce(t *testing.T) {
	for name, end := range map[string]func(){"return": func() {}, "panic": func() { panic("x") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			r := start(t, nil)
			told := make(map[int]int) // loop only
			done := make(chan struct{})
			const conns = 3
			for i := range conns {
				c := attachFake(t, r, new(fakeTransport), &hooks{closed: func(*Conn, error) {
					told[i]++
					if len(told) == conns {
						close(done)
					}
					end()
				}})
				c.Abort(nil)
			}
			wait(t, "last event", done)
			if err := r.loops[0].Call(t.Context(), func() {
				for i := range conns {
					if told[i] != 1 {
						t.Errorf("the end of conn %d was told %d times", i, told[i])
					}
				}
			}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// Events that are due when the reactor stops wait for the next Run.
func TestDeferredEventsWaitForTheNextRun(t *testing.T) {
	v := virtual(t, nil)
	var told []string
	for _, name := range []string{"first", "second"} {
		c := attachFake(t, v.r, new(fakeTransport), &hooks{closed: func(*Conn, error) {
			if told = append(told, name); name == "first" {
				v.r.Stop()
			}
		}})
		c.Abort(nil)
	}
	v.Settle(10)
	if len(told) != 1 {
		t.Fatalf("%v were told before the Stop took effect, want the first one", told)
	}
	if err := v.r.RunAsync(); err != nil {
		t.Fatal(err)
	}
	settle(t, v)
	if len(told) != 2 {
		t.Errorf("%v were told in the end, want both", told)
	}
}
