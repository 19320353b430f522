package otel

import (
	"maps"
	"testing"
)

func TestCarrierTravels(t *testing.T) {
	for _, m := range []carrier{{}, {"traceparent": "00-1"}, {"a": "1", "b": "2", "c": ""}} {
		if got := read(m.append(nil)); !maps.Equal(got, m) {
			t.Errorf("%v came as %v", m, got)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(carrier{"traceparent": "00-1", "tracestate": "x"}.append(nil))
	f.Add([]byte{0xdf, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		if n := len(read(b)); n > most {
			t.Errorf("%d pairs", n)
		}
	})
}
