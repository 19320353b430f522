package figures

import (
	"testing"
	"time"
)

func TestCountPutsThousandsApart(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 7: "7", 999: "999", 1000: "1,000", 212345: "212,345", 1234567: "1,234,567",
		-1: "-1", -999: "-999", -1000: "-1,000", -123456: "-123,456",
	} {
		if got := Count(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

func TestPluralIsOfAllButOne(t *testing.T) {
	for n, want := range map[int]string{0: "0 conns", 1: "1 conn", 1000: "1,000 conns"} {
		if got := Plural(n, "conn"); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

func TestLatencyHasThreeDigitsAndAUnit(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                       "-",
		50:                      "0.1 µs",
		2345:                    "2.3 µs",
		99 * time.Microsecond:   "99.0 µs",
		210 * time.Microsecond:  "0.21 ms",
		1234 * time.Microsecond: "1.23 ms",
		1500 * time.Millisecond: "1.50 s",
	} {
		if got := Latency(d); got != want {
			t.Errorf("%d: got %s, want %s", d, got, want)
		}
	}
}

func TestBytesHaveAUnit(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 812: "812 B", 3277: "3.2 KiB", 9 << 20: "9.0 MiB", -9 << 20: "-9.0 MiB"} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}
