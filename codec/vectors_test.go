package codec

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/vectors"
)

type (
	vectorInner struct {
		Name string `msgpack:"name"`
		List []uint16
	}
	vectorTuple struct {
		_msgpack struct{} `msgpack:",as_array"` //lint:ignore U1000 the codec reads the tag
		X        int
		Label    string
	}
	vectorStruct struct {
		A     int32  `msgpack:"a"`
		B     bool   `msgpack:"b"`
		Left  string `msgpack:"left,omitempty"`
		Inner vectorInner
		To    *vectorInner
		T     vectorTuple
		M     map[string]int64
		At    time.Time
	}
)

// The TypeScript client writes the same payloads for the same values, and reads them.
func TestTypeScriptValues(t *testing.T) {
	at := time.Date(2026, 2, 3, 4, 5, 6, 789_000_000, time.UTC)
	var vs []vectors.Vector
	for _, v := range []struct {
		name  string
		value any
	}{
		{"true", true}, {"false", false},
		{"i8-min", int8(-128)}, {"u8-max", uint8(255)}, {"i16-min", int16(-32768)}, {"u16-max", uint16(65535)},
		{"i32-min", int32(math.MinInt32)}, {"i32-max", int32(math.MaxInt32)}, {"u32-max", uint32(math.MaxUint32)}, {"i32-fix", int32(-32)}, {"i32-127", int32(127)}, {"i32--33", int32(-33)},
		{"i64-min", int64(math.MinInt64)}, {"i64-max", int64(math.MaxInt64)}, {"i64-small", int64(5)}, {"u64-max", uint64(math.MaxUint64)},
		{"int-53", int64(1<<53 - 1)}, {"int--53", int64(-(1<<53 - 1))}, {"uint-40", uint64(1 << 40)},
		{"f32", float32(1.5)}, {"f64", 0.1}, {"f64-whole", float64(3)}, {"f64-inf", math.Inf(-1)},
		{"str-empty", ""}, {"str-short", "hello"}, {"str-31", strings.Repeat("x", 31)}, {"str-32", strings.Repeat("x", 32)}, {"str-256", strings.Repeat("y", 256)}, {"str-utf8", "héé 日本 🎈"},
		{"bytes", []byte{0, 255, 7}}, {"bytes-300", make([]byte, 300)},
		{"time-ms", at}, {"time-s", at.Truncate(time.Second)}, {"time-zero", time.Time{}}, {"time-late", time.Date(2600, 1, 1, 0, 0, 0, 0, time.UTC)}, {"time-before", time.Date(1969, 12, 31, 23, 59, 59, 500_000_000, time.UTC)},
		{"duration", 1500 * time.Millisecond},
		{"array", []int32{1, -2, 3}}, {"array-16", make([]bool, 16)}, {"array-fixed", [3]uint16{1, 2, 3}},
		{"record", map[string]int32{"one": 1}}, {"map", map[uint32]string{7: "seven"}},
		{"nullable", (*vectorInner)(nil)},
		{"struct", &vectorStruct{A: -7, B: true, Inner: vectorInner{"in", []uint16{1, 2}}, To: &vectorInner{Name: "to"}, T: vectorTuple{X: 3, Label: "t"}, M: map[string]int64{"k": math.MaxInt64}, At: at}},
		{"struct-optional", &vectorStruct{Left: "left", Inner: vectorInner{List: []uint16{}}, M: map[string]int64{}, At: at}},
	} {
		b, err := new(Msgpack).Append(nil, v.value)
		if err != nil {
			t.Fatalf("%s: %v", v.name, err)
		}
		vs = append(vs, vectors.Vector{Name: v.name, Bytes: b})
	}
	vectors.Check(t, "../clients/ts/test/vectors/values.txt", vs)
}
