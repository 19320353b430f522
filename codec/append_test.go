package codec

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

type row struct {
	name  string
	value any
	wire  []byte
}

// golden is each row of the encoding table of the wire protocol, at both ends
// of each range.
func golden() []row {
	text := func(n int) string { return strings.Repeat("x", n) }
	list := func(n int) []any {
		l := make([]any, n)
		for i := range l {
			l[i] = nil
		}
		return l
	}
	join := func(head string, tail ...string) []byte { return []byte(head + strings.Join(tail, "")) }
	return []row{
		{"nil", nil, join("\xc0")},
		{"false", false, join("\xc2")},
		{"true", true, join("\xc3")},

		{"0", int64(0), join("\x00")},
		{"127", int64(127), join("\x7f")},
		{"128", int64(128), join("\xcc\x80")},
		{"255", int64(255), join("\xcc\xff")},
		{"256", int64(256), join("\xcd\x01\x00")},
		{"65535", int64(65535), join("\xcd\xff\xff")},
		{"65536", int64(65536), join("\xce\x00\x01\x00\x00")},
		{"2^32-1", int64(math.MaxUint32), join("\xce\xff\xff\xff\xff")},
		{"2^32", int64(1 << 32), join("\xcf\x00\x00\x00\x01\x00\x00\x00\x00")},
		{"2^63-1", int64(math.MaxInt64), join("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff")},
		{"2^63", uint64(1 << 63), join("\xcf\x80\x00\x00\x00\x00\x00\x00\x00")},
		{"2^64-1", uint64(math.MaxUint64), join("\xcf\xff\xff\xff\xff\xff\xff\xff\xff")},
		{"-1", int64(-1), join("\xff")},
		{"-32", int64(-32), join("\xe0")},
		{"-33", int64(-33), join("\xd0\xdf")},
		{"-128", int64(-128), join("\xd0\x80")},
		{"-129", int64(-129), join("\xd1\xff\x7f")},
		{"-32768", int64(-32768), join("\xd1\x80\x00")},
		{"-32769", int64(-32769), join("\xd2\xff\xff\x7f\xff")},
		{"-2^31", int64(math.MinInt32), join("\xd2\x80\x00\x00\x00")},
		{"-2^31-1", int64(math.MinInt32 - 1), join("\xd3\xff\xff\xff\xff\x7f\xff\xff\xff")},
		{"-2^63", int64(math.MinInt64), join("\xd3\x80\x00\x00\x00\x00\x00\x00\x00")},

		{"1.5", 1.5, join("\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00")},
		{"1.0", 1.0, join("\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00")},
		{"infinity", math.Inf(-1), join("\xcb\xff\xf0\x00\x00\x00\x00\x00\x00")},

		{"text of 0", "", join("\xa0")},
		{"text", "hé", join("\xa3h\xc3\xa9")},
		{"text of 31", text(31), join("\xbf", text(31))},
		{"text of 32", text(32), join("\xd9\x20", text(32))},
		{"text of 255", text(255), join("\xd9\xff", text(255))},
		{"text of 256", text(256), join("\xda\x01\x00", text(256))},
		{"text of 65535", text(65535), join("\xda\xff\xff", text(65535))},
		{"text of 65536", text(65536), join("\xdb\x00\x01\x00\x00", text(65536))},

		{"bytes of 0", []byte{}, join("\xc4\x00")},
		{"bytes", []byte{0, 255}, join("\xc4\x02\x00\xff")},
		{"bytes of 255", []byte(text(255)), join("\xc4\xff", text(255))},
		{"bytes of 256", []byte(text(256)), join("\xc5\x01\x00", text(256))},
		{"bytes of 65535", []byte(text(65535)), join("\xc5\xff\xff", text(65535))},
		{"bytes of 65536", []byte(text(65536)), join("\xc6\x00\x01\x00\x00", text(65536))},

		{"list of 0", list(0), join("\x90")},
		{"list of 15", list(15), join("\x9f", strings.Repeat("\xc0", 15))},
		{"list of 16", list(16), join("\xdc\x00\x10", strings.Repeat("\xc0", 16))},
		{"list of 65535", list(65535), join("\xdc\xff\xff", strings.Repeat("\xc0", 65535))},
		{"list of 65536", list(65536), join("\xdd\x00\x01\x00\x00", strings.Repeat("\xc0", 65536))},

		{"map of 0", map[string]any{}, join("\x80")},
		{"map", map[string]any{"a": int64(1)}, join("\x81\xa1a\x01")},
		{"map with other keys", map[any]any{int64(-1): "a"}, join("\x81\xff\xa1a")},

		{"ext of 1", Ext{5, []byte("a")}, join("\xd4\x05a")},
		{"ext of 2", Ext{0, []byte("ab")}, join("\xd5\x00ab")},
		{"ext of 4", Ext{127, []byte("abcd")}, join("\xd6\x7fabcd")},
		{"ext of 8", Ext{1, []byte(text(8))}, join("\xd7\x01", text(8))},
		{"ext of 16", Ext{1, []byte(text(16))}, join("\xd8\x01", text(16))},
		{"ext of 0", Ext{1, []byte{}}, join("\xc7\x00\x01")},
		{"ext of 3", Ext{1, []byte("abc")}, join("\xc7\x03\x01abc")},
		{"ext of 256", Ext{1, []byte(text(256))}, join("\xc8\x01\x00\x01", text(256))},
		{"ext of 65536", Ext{1, []byte(text(65536))}, join("\xc9\x00\x01\x00\x00\x01", text(65536))},
	}
}

func TestGolden(t *testing.T) {
	var m Msgpack
	for _, r := range golden() {
		t.Run(r.name, func(t *testing.T) {
			got, err := m.Append([]byte("before"), r.value)
			if err != nil || !bytes.Equal(got, append([]byte("before"), r.wire...)) {
				t.Errorf("Append: %.40x, %v, want %.40x", got[6:], err, r.wire)
			}
			back, err := m.DecodeAny(r.wire)
			if err != nil || !equal(back, r.value) {
				t.Errorf("DecodeAny: %.40v, %v", back, err)
			}
			if rest, err := Skip(append(bytes.Clone(r.wire), 0xc1)); err != nil || len(rest) != 1 {
				t.Errorf("Skip: %d left, %v", len(rest), err)
			}
		})
	}
}

func TestHeadersOfAllSizes(t *testing.T) {
	for _, c := range []struct {
		n           int
		array, hash string
	}{
		{0, "\x90", "\x80"},
		{15, "\x9f", "\x8f"},
		{16, "\xdc\x00\x10", "\xde\x00\x10"},
		{65535, "\xdc\xff\xff", "\xde\xff\xff"},
		{65536, "\xdd\x00\x01\x00\x00", "\xdf\x00\x01\x00\x00"},
	} {
		if got := AppendArrayHeader(nil, c.n); string(got) != c.array {
			t.Errorf("AppendArrayHeader(%d) = %x", c.n, got)
		}
		if got := AppendMapHeader(nil, c.n); string(got) != c.hash {
			t.Errorf("AppendMapHeader(%d) = %x", c.n, got)
		}
	}
}
