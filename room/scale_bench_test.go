//go:build linux

package room

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// stopwatch measures the CPU time of the calling goroutine's thread: on a machine that others
// use, that is what a call costs, and the time that passes is not.
type stopwatch struct {
	tb    testing.TB
	began int64
	took  time.Duration
}

func (w *stopwatch) now() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		w.tb.Fatal(err)
	}
	return t.Nano()
}

func (w *stopwatch) start() {
	runtime.LockOSThread()
	w.began = w.now()
}

func (w *stopwatch) stop() {
	w.took += time.Duration(w.now() - w.began)
	runtime.UnlockOSThread()
}

// report reports the time for each of n.
func (w *stopwatch) report(b *testing.B, n int, unit string) {
	b.ReportMetric(float64(w.took.Nanoseconds())/float64(b.N)/float64(n), unit)
}

// BenchmarkMemberships is a million memberships: the bytes of each, and what joins and leaves
// cost: of one member after the other, each into all of its rooms, or in an order in which no two
// have to do with each other, so that each waits for memory that no cache has.
func BenchmarkMemberships(b *testing.B) {
	const memberships = 1_000_000
	for _, members := range []int{1_000_000, 100_000, 10_000} {
		for _, random := range []bool{false, true} {
			benchmarkMemberships(b, memberships, members, random)
		}
	}
}

func benchmarkMemberships(b *testing.B, memberships, members int, random bool) {
	each := memberships / members
	order := rand.New(rand.NewPCG(1, 2)).Perm(memberships)
	if !random {
		for i := range order {
			order[i] = i%each*members + i/each
		}
	}
	b.Run(fmt.Sprintf("%d members of %d rooms, random %v", members, each, random), func(b *testing.B) {
		srv, all := guests(b, members)
		list := names(1000)
		join, leave := stopwatch{tb: b}, stopwatch{tb: b}
		var bytes int64
		for b.Loop() {
			rooms := New(srv, nil)
			before := heap()
			join.start()
			for _, i := range order {
				if err := rooms.Room(list[(i+i/members*7)%len(list)]).Join(all[i%members]); err != nil {
					b.Fatal(err)
				}
			}
			join.stop()
			bytes = heap() - before
			if n := rooms.Stats().Memberships; n != memberships {
				b.Fatalf("%d memberships", n)
			}
			leave.start()
			for _, i := range order {
				rooms.Room(list[(i+i/members*7)%len(list)]).Leave(all[i%members])
			}
			leave.stop()
			if n := rooms.Stats().Memberships; n != 0 {
				b.Fatalf("%d memberships are left", n)
			}
			runtime.KeepAlive(rooms)
			runtime.KeepAlive(order)
			end(all)
		}
		b.ReportMetric(float64(bytes)/float64(memberships), "B/membership")
		join.report(b, memberships, "ns/join")
		leave.report(b, memberships, "ns/leave")
		b.ReportMetric(0, "ns/op")
	})
}

// BenchmarkMassLeave is the end of many members of 10 rooms each, all at once.
func BenchmarkMassLeave(b *testing.B) {
	for _, members := range []int{1_000, 10_000, 100_000} {
		for _, told := range []bool{false, true} {
			name := fmt.Sprintf("%d members", members)
			cfg := &Config{}
			if told {
				name += " with Left"
				cfg.Left = func(Room, Member, error) {}
			}
			b.Run(name, func(b *testing.B) {
				srv, all := guests(b, members)
				list := names(members / 100)
				w := stopwatch{tb: b}
				for b.Loop() {
					rooms := New(srv, cfg)
					joinSpread(b, rooms, list, all, 10)
					runtime.GC()
					w.start()
					end(all)
					w.stop()
					if n := rooms.Stats().Memberships; n != 0 {
						b.Fatalf("%d memberships are left", n)
					}
				}
				w.report(b, members, "ns/member")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
