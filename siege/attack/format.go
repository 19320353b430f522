package attack

// How figures are written: bytes, times and counts.

import (
	"fmt"
	"strconv"
	"time"
)

// size writes a number of bytes with about three digits: "812 B", "3.2 KiB", "9.1 MiB".
func size(n int64) string {
	switch f := float64(n); {
	case n < 0:
		return "-" + size(-n)
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", f/(1<<10))
	default:
		return fmt.Sprintf("%.1f MiB", f/(1<<20))
	}
}

// span writes a time in ms, or in s from one second up.
func span(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.2f ms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

// count writes a number with its thousands apart: "1,234,567".
func count[T int | int64](n T) string {
	s := strconv.FormatInt(int64(n), 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
