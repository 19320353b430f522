package attack

import (
	"testing"
	"time"
)

func TestFormat(t *testing.T) {
	for got, want := range map[string]string{
		size(812): "812 B", size(3277): "3.2 KiB", size(-9 << 20): "-9.0 MiB",
		span(1234 * time.Microsecond): "1.23 ms", span(1500 * time.Millisecond): "1.50 s",
		count(1234567): "1,234,567", count(-123): "-123", count(int64(0)): "0",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
