package codec

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"
	"golang.org/x/sys/unix"
)

func cpu() time.Duration {
	var ts unix.Timespec
	unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts)
	return time.Duration(ts.Nano())
}

// best of many short interleaved slices of thread CPU time
func bests(fs ...func()) []float64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	n := make([]int, len(fs))
	out := make([]float64, len(fs))
	for k, f := range fs {
		n[k] = 1
		out[k] = 1e18
		for {
			t := cpu()
			for range n[k] {
				f()
			}
			if cpu()-t > 200*time.Microsecond {
				break
			}
			n[k] *= 2
		}
	}
	for range 2000 {
		for k, f := range fs {
			t := cpu()
			for range n[k] {
				f()
			}
			out[k] = min(out[k], float64(cpu()-t)/float64(n[k]))
		}
	}
	return out
}

func TestCPU(t *testing.T) {
	if os.Getenv("CPU") == "" {
		t.Skip()
	}
	var l Limits
	ps := payloads()
	nilp := []byte{0xc0}
	chk := func(p []byte) func() {
		return func() {
			if l.Check(p) != nil {
				panic(1)
			}
		}
	}
	r := bests(chk(nilp), chk(ps["struct"]), chk(ps["records"]), chk(ps["ints"]),
		func() { var x position; msgpack.Unmarshal(ps["struct"], &x) },
		func() { var x []position; msgpack.Unmarshal(ps["records"], &x) },
		func() { var x []int; msgpack.Unmarshal(ps["ints"], &x) })
	fmt.Printf("nil %.1f struct %.1f %.1f%%  records %.1f %.1f%% ints %.1f %.1f%%   v5 %.0f %.0f %.0f\n", r[0], r[1], 100*r[1]/r[4], r[2], 100*r[2]/r[5], r[3], 100*r[3]/r[6], r[4], r[5], r[6])
}
