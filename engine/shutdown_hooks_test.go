package engine

import (
	"runtime"
	"slices"
	"testing"

	"github.com/packetmq/packetmq/internal/leak"
)

// What a program wants done at the end is done, once and in order, however the end
// comes and whatever the functions do.
func TestOnShutdown(t *testing.T) {
	reactors := map[string]func() *Reactor{
		"one loop":  func() *Reactor { return New(nil) },
		"two loops": func() *Reactor { return New(&Config{Loops: 2}) },
		"polled":    func() *Reactor { return New(&Config{OnCaller: true}) },
		"virtual":   func() *Reactor { return NewVirtual(nil).r },
	}
	ends := map[string]func(t *testing.T, r *Reactor){
		"Close":    func(_ *testing.T, r *Reactor) { r.Close() },
		"Shutdown": func(t *testing.T, r *Reactor) { r.Shutdown(t.Context()) },
		"both": func(t *testing.T, r *Reactor) {
			r.Shutdown(t.Context())
			r.Close()
		},
	}
	faults := map[string]func(){
		"":       func() {},
		"panic":  func() { panic("a panic") },
		"Goexit": runtime.Goexit,
	}
	for kind, make := range reactors {
		for how, end := range ends {
			for fault, failing := range faults {
				for _, running := range []bool{true, false} {
					if kind == "virtual" && (how != "Close" || !running) {
						continue // its Shutdown waits for steps
					}
					name := kind + " " + how + " " + fault
					if !running {
						name += " before Run"
					}
					t.Run(name, func(t *testing.T) {
						leak.Check(t)
						r := make()
						var got []string
						on := func(when Phase, what string) func() {
							remove, err := r.OnShutdown(when, func() {
								if !r.OnLoop() {
									t.Errorf("%s was not called on the loop", what)
								}
								got = append(got, what)
								failing()
							})
							if err != nil {
								t.Fatal(err)
							}
							return remove
						}
						on(AfterShutdown, "after")
						on(BeforeShutdown, "before")
						on(DuringShutdown, "during")
						on(BeforeShutdown, "removed")()
						on(BeforeShutdown, "before 2")
						on(AfterShutdown, "after 2")
						if running {
							attachFake(t, r, &fakeTransport{}, &hooks{
								drain:  func(c *Conn) { c.Finish(0) },
								closed: func(*Conn, error) { got = append(got, "closed") },
							})
							switch kind {
							case "polled":
								pollUntil(t, r, "conn", func() bool { return len(r.loops[0].conns) == 1 })
							case "virtual":
								(&Virtual{r}).Settle(10)
							default:
								if err := r.RunAsync(); err != nil {
									t.Fatal(err)
								}
								eventually(t, "conn", func() bool {
									n := 0
									r.loops[0].Call(t.Context(), func() { n = len(r.loops[0].conns) })
									return n == 1
								})
							}
						}
						ended := chanOf(func() {
							if kind == "polled" && running {
								r.Poll(t.Context()) // the goroutine that polls is the one that ends it
							}
							end(t, r)
						})
						wait(t, "end", ended)
						wait(t, "end", r.Done())
						want := []string{"before", "before 2", "during", "closed", "after", "after 2"}
						if !running {
							want = slices.Delete(want, 3, 4)
						}
						if !slices.Equal(got, want) {
							t.Errorf("got %v, want %v", got, want)
						}
					})
				}
			}
		}
	}
}

// chanOf is closed when fn has returned, or has ended its goroutine.
func chanOf(fn func()) <-chan struct{} {
	done := make(chan struct{})
	go func() { defer close(done); fn() }()
	return done
}
