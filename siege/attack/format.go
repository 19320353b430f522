package attack

import (
	"fmt"
	"strconv"
	"time"
)

// size is in bytes, with three digits or so: "812 B", "3.2 KiB", "9.1 MiB".
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

// span is in ms, or s from one up.
func span(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.2f ms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

// count separates thousands: "1,234,567".
func count[T int | int64](n T) string {
	s := strconv.FormatInt(int64(n), 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
