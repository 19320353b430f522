package codec

import (
	"bytes"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

type position struct {
	ID    uint32  `msgpack:"id"`
	Name  string  `msgpack:"name"`
	X     float64 `msgpack:"x"`
	Y     float64 `msgpack:"y"`
	Level int     `msgpack:"level"`
	Alive bool    `msgpack:"alive"`
	Team  uint8   `msgpack:"team"`
}

func compact(v any) []byte {
	var buf bytes.Buffer
	e := msgpack.NewEncoder(&buf)
	e.UseCompactInts(true)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

func payloads() map[string][]byte {
	p := position{ID: 70000, Name: "p1", X: 1.5, Y: -2.25, Level: 12, Alive: true, Team: 3}
	rec := make([]position, 0, 20)
	for len(compact(rec)) < 960 {
		rec = append(rec, p)
	}
	ints := make([]int, 1024)
	for i := range ints {
		ints[i] = i & 127
	}
	return map[string][]byte{"struct": compact(p), "records": compact(rec), "ints": compact(ints)}
}

func BenchmarkGuardX(b *testing.B) {
	for name, p := range payloads() {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(p)))
			b.ReportAllocs()
			var l Limits
			for b.Loop() {
				if err := l.Check(p); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/v5", func(b *testing.B) {
			b.SetBytes(int64(len(p)))
			for b.Loop() {
				switch name {
				case "struct":
					var v position
					msgpack.Unmarshal(p, &v)
				case "records":
					var v []position
					msgpack.Unmarshal(p, &v)
				case "ints":
					var v []int
					msgpack.Unmarshal(p, &v)
				}
			}
		})
	}
}
