package codec

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

// samples are the payloads that benchmarks compare on, each with a fresh
// target of its type.
func samples() []struct {
	name   string
	value  any
	target func() any
} {
	p, r, n := samplePlayer(), sampleRoster(), sampleInts()
	return []struct {
		name   string
		value  any
		target func() any
	}{
		{"struct", &p, func() any { return new(player) }},
		{"records", &r, func() any { return new([]player) }},
		{"ints", &n, func() any { return new([]int) }},
	}
}

// What refusing a bomb takes; the sizes are those of the payloads.
func BenchmarkBomb(b *testing.B) {
	bombs := bombs()
	for _, name := range slices.Sorted(maps.Keys(bombs)) {
		b.Run(name, func(b *testing.B) {
			var l Limits
			for b.Loop() {
				if l.Check(bombs[name]) == nil {
					b.Fatal("it passes")
				}
			}
		})
	}
}

func BenchmarkGuard(b *testing.B) {
	for _, s := range samples() {
		b.Run(s.name, func(b *testing.B) {
			in := compact(s.value)
			var l Limits
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				if err := l.Check(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// v5Decode is the best one can do with msgpack/v5 alone: without its pool.
func v5Decode(in []byte) func(any) error {
	r := bytes.NewReader(in)
	d := msgpack.NewDecoder(r)
	return func(v any) error {
		r.Reset(in)
		d.Reset(r)
		return d.Decode(v)
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, s := range samples() {
		in := compact(s.value)
		run := func(name string, decode func(any) error) {
			b.Run(s.name+"/"+name, func(b *testing.B) {
				b.SetBytes(int64(len(in)))
				b.ReportAllocs()
				for b.Loop() {
					if err := decode(s.target()); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		var m Msgpack
		run("codec", func(v any) error { return m.Decode(in, v) })
		run("v5", v5Decode(in))
		if s.name == "struct" {
			run("unmarshaler", func(v any) error { return m.Decode(in, (*fast)(v.(*player))) })
		}
	}
}

func BenchmarkDecodeAny(b *testing.B) {
	for _, s := range samples() {
		in := compact(s.value)
		b.Run(s.name+"/codec", func(b *testing.B) {
			var m Msgpack
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.DecodeAny(in); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(s.name+"/v5", func(b *testing.B) {
			r := bytes.NewReader(in)
			d := msgpack.NewDecoder(r)
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				r.Reset(in)
				d.Reset(r)
				if _, err := d.DecodeInterfaceLoose(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	var m Msgpack
	run := func(name string, v any) {
		b.Run(name+"/codec", func(b *testing.B) {
			buf, err := m.Append(nil, v)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				buf, _ = m.Append(buf[:0], v)
			}
		})
		b.Run(name+"/v5", func(b *testing.B) {
			var buf bytes.Buffer
			e := msgpack.NewEncoder(&buf)
			b.ReportAllocs()
			for b.Loop() {
				buf.Reset()
				e.Reset(&buf)
				e.UseCompactInts(true)
				if err := e.Encode(v); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(buf.Len()))
		})
	}
	for _, s := range samples() {
		run(s.name, s.value)
	}
	v, err := m.DecodeAny(compact(samplePlayer()))
	if err != nil {
		b.Fatal(err)
	}
	run("map", v)
	run("mixed map", map[any]any{"name": "someone", int64(7): "seven", true: []any{int64(1), int64(2)}})
	p := fast(samplePlayer())
	b.Run("struct/marshaler", func(b *testing.B) {
		var buf []byte
		b.ReportAllocs()
		for b.Loop() {
			buf, _ = m.Append(buf[:0], &p)
		}
		b.SetBytes(int64(len(buf)))
	})
}

func BenchmarkReader(b *testing.B) {
	var in []byte
	payload := compact(samplePlayer())
	for range 256 {
		in = AppendFrame(in, 17, payload)
	}
	for _, c := range []struct {
		name string
		size int
	}{{"whole", len(in)}, {"cut", 1000}} {
		b.Run(c.name, func(b *testing.B) {
			var r Reader
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				frames := 0
				for rest := in; len(rest) > 0; {
					chunk := rest[:min(c.size, len(rest))]
					rest = rest[len(chunk):]
					for len(chunk) > 0 {
						f, n, err := r.Next(chunk)
						if err != nil {
							b.Fatal(err)
						}
						if f != nil {
							frames++
						}
						chunk = chunk[n:]
					}
				}
				if frames != 256 {
					b.Fatal(frames)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/256, "ns/frame")
		})
	}
}

// BenchmarkParcel decodes into a value that is reused, and encodes it again, as
// a server does that answers.
func BenchmarkParcel(b *testing.B) {
	p := parcel{Seq: 70000, TS: 1 << 60, Body: bytes.Repeat([]byte{0xa5}, 36)}
	in := compact(&p)
	b.Run("codec", func(b *testing.B) {
		var m Msgpack
		var buf []byte
		b.SetBytes(int64(len(in)))
		b.ReportAllocs()
		for b.Loop() {
			p = parcel{Body: p.Body[:0]}
			if err := m.Decode(in, &p); err != nil {
				b.Fatal(err)
			}
			buf, _ = m.Append(buf[:0], &p)
		}
	})
	b.Run("v5", func(b *testing.B) {
		decode := v5Decode(in)
		var buf bytes.Buffer
		e := msgpack.NewEncoder(&buf)
		b.SetBytes(int64(len(in)))
		b.ReportAllocs()
		for b.Loop() {
			p = parcel{Body: p.Body[:0]}
			if err := decode(&p); err != nil {
				b.Fatal(err)
			}
			buf.Reset()
			e.Reset(&buf)
			e.UseCompactInts(true)
			if err := e.Encode(&p); err != nil {
				b.Fatal(err)
			}
		}
	})
}
