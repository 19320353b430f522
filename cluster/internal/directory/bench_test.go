//go:build unix

package directory

// What a directory costs: memory of an entry, time of a change, of a node that comes and of one
// that goes.

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// heap is how many bytes live.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// nodeName is the name of one of 100 nodes.
func nodeName(i int) string { return fmt.Sprint("node-", i%100) }

// BenchmarkMemory is how many bytes a user of another node costs, and one who is in a room
// besides, in rooms of 100 from 100 nodes.
func BenchmarkMemory(b *testing.B) {
	const users = 200_000
	for range b.N {
		before := heap()
		d := New("self")
		for i := range users {
			d.Set(nodeName(i), Entry{User: fmt.Sprintf("user-%08d", i), Time: uint64(i + 1)})
		}
		plain := heap()
		for i := range users {
			d.Set(nodeName(i), Entry{Room: fmt.Sprint("room-", i/100), User: fmt.Sprintf("user-%08d", i)})
		}
		inside := heap()
		runtime.KeepAlive(d)
		b.ReportMetric(float64(plain-before)/users, "B/user")
		b.ReportMetric(float64(inside-plain)/users, "B/member")
	}
}

// BenchmarkChange is a user who comes at another node, of 100, and goes.
func BenchmarkChange(b *testing.B) {
	d := New("self")
	for i := range 100_000 {
		d.Set(nodeName(i), Entry{User: fmt.Sprintf("user-%08d", i), Time: uint64(i + 1)})
	}
	e := Entry{User: "somebody", Time: 1}
	b.ReportAllocs()
	for b.Loop() {
		e.Time++
		d.Set("node-7", e)
		d.Drop("node-7", e)
	}
}

// BenchmarkNode is what a user costs of a node that comes with 100,000, and goes.
func BenchmarkNode(b *testing.B) {
	const users = 100_000
	entries := make([]Entry, users)
	for i := range entries {
		entries[i] = Entry{User: fmt.Sprintf("user-%08d", i), Time: uint64(i + 1)}
	}
	d := New("self")
	var came, went time.Duration
	for b.Loop() {
		began := cpu()
		d.Begin("node-1")
		for _, e := range entries {
			d.Set("node-1", e)
		}
		d.End("node-1")
		half := cpu()
		d.Forget("node-1")
		came += half - began
		went += cpu() - half
	}
	b.ReportMetric(float64(came.Nanoseconds())/float64(b.N)/users, "cpu-ns/come")
	b.ReportMetric(float64(went.Nanoseconds())/float64(b.N)/users, "cpu-ns/go")
}

// cpu is the time that the process has computed: other processes do not count.
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
