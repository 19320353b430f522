// Package figures writes numbers, times and sizes for people, in the tables of the
// programs that measure.
package figures

import (
	"fmt"
	"strconv"
	"time"
)

// Count writes a number with its thousands apart: "1,234,567".
func Count[T int | int64](n T) string {
	s := strconv.FormatInt(int64(n), 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Plural writes a number of things: "1 conn", "1,000 conns".
func Plural[T int | int64](n T, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return Count(n) + " " + noun
}

// Latency writes a time with about three digits: "2.4 µs", "0.21 ms", "1.50 s". None
// at all is "-".
func Latency(d time.Duration) string {
	switch {
	case d == 0:
		return "-"
	case d < 100*time.Microsecond:
		return fmt.Sprintf("%.1f µs", float64(d)/1e3)
	case d < time.Second:
		return fmt.Sprintf("%.2f ms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

// Bytes writes a number of bytes with about three digits: "812 B", "3.2 KiB",
// "9.1 MiB".
func Bytes(n int64) string {
	switch f := float64(n); {
	case n < 0:
		return "-" + Bytes(-n)
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", f/(1<<10))
	default:
		return fmt.Sprintf("%.1f MiB", f/(1<<20))
	}
}
