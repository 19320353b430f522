package bench

import (
	"testing"

	"github.com/packetmq/packetmq/codec"
)

// What of a typed handler's time is whose: the value's own methods, the guard,
// and codec around both; beside it the same value by a plan, and as plain values.
func BenchmarkMarshalled(b *testing.B) {
	p := &payload{Seq: 123456, TS: 1234567890123456789, Body: make([]byte, 36)}
	raw := p.append(nil)
	m := (*marshalled)(&payload{})
	var c codec.Msgpack
	b.Run("own", func(b *testing.B) {
		for b.Loop() {
			if _, err := m.UnmarshalMsg(raw); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("guard", func(b *testing.B) {
		for b.Loop() {
			if err := c.Limits.Check(raw); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if err := c.Decode(raw, m); err != nil {
				b.Fatal(err)
			}
		}
	})
	buf := make([]byte, 0, 128)
	b.Run("ownappend", func(b *testing.B) {
		for b.Loop() {
			m.MarshalMsg(buf)
		}
	})
	b.Run("append", func(b *testing.B) {
		for b.Loop() {
			if _, err := c.Append(buf, m); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("planned", func(b *testing.B) {
		for b.Loop() {
			if err := c.Decode(raw, p); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("plannedappend", func(b *testing.B) {
		for b.Loop() {
			if _, err := c.Append(buf, p); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("any", func(b *testing.B) {
		for b.Loop() {
			if _, err := c.DecodeAny(raw); err != nil {
				b.Fatal(err)
			}
		}
	})
	v, _ := c.DecodeAny(raw)
	b.Run("anyappend", func(b *testing.B) {
		for b.Loop() {
			if _, err := c.Append(buf, v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
