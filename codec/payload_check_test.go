package codec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"
)

func TestCheck(t *testing.T) {
	long := strings.Repeat("a", 40)
	for _, c := range []struct {
		name string
		in   string
		err  error
		at   int
	}{
		{"nil", "\xc0", nil, 0},
		{"fixint", "\x7f", nil, 0},
		{"negative fixint", "\xe0", nil, 0},
		{"not minimal", "\xcf\x00\x00\x00\x00\x00\x00\x00\x01", nil, 0},
		{"float32", "\xca\x7f\xc0\x00\x00", nil, 0},
		{"empty containers", "\x92\x80\x90", nil, 0},
		{"array", "\x93\x01\xa1a\xc3", nil, 0},
		{"array16", "\xdc\x00\x02\x01\x02", nil, 0},
		{"array32", "\xdd\x00\x00\x00\x02\x01\x02", nil, 0},
		{"map16", "\xde\x00\x01\x01\x02", nil, 0},
		{"map32", "\xdf\x00\x00\x00\x01\x01\x02", nil, 0},
		{"scalar keys", "\x85\xc0\x01\xc2\x01\x01\x01\xff\x01\xcb\x00\x00\x00\x00\x00\x00\x00\x00\x01", nil, 0},
		{"text keys", "\x82\xa1a\x01\xc4\x01b\x02", nil, 0},
		{"str8", "\xd9\x28" + long, nil, 0},
		{"str16", "\xda\x00\x28" + long, nil, 0},
		{"str32", "\xdb\x00\x00\x00\x28" + long, nil, 0},
		{"bin is not text", "\xc4\x02\xff\xfe", nil, 0},
		{"ext 0", "\xd4\x00\x01", nil, 0},
		{"ext 127", "\xc7\x03\x7fabc", nil, 0},
		{"empty ext", "\xc7\x00\x05", nil, 0},
		{"timestamps", "\x93\xd6\xff1234\xd7\xff12345678\xc7\x0c\xff123456789012", nil, 0},
		{"long timestamp head", "\xc8\x00\x04\xff1234", nil, 0},

		{"nothing", "", ErrEmpty, 0},
		{"reserved", "\xc1", ErrReserved, 0},
		{"reserved within", "\x92\x01\xc1", ErrReserved, 2},
		{"trailing", "\xc0\xc0", ErrTrailing, 1},
		{"trailing garbage", "\x91\x01\xc1", ErrTrailing, 2},
		{"cut uint16", "\xcd\x01", ErrTruncated, 0},
		{"cut float", "\x91\xcb\x01", ErrTruncated, 1},
		{"cut fixstr", "\xa2a", ErrTruncated, 0},
		{"cut str8", "\xd9\x02a", ErrTruncated, 0},
		{"cut str8 head", "\xd9", ErrTruncated, 0},
		{"cut str32 head", "\xdb\x00\x00\x00", ErrTruncated, 0},
		{"cut bin", "\xc5\x00\x02a", ErrTruncated, 0},
		{"cut ext", "\xd6\x01abc", ErrTruncated, 0},
		{"cut ext head", "\xd6", ErrTruncated, 0},
		{"cut ext8 head", "\xc7\x01", ErrTruncated, 0},
		{"cut array", "\x92\x01", ErrTruncated, 0},
		{"cut array16 head", "\xdc\x00", ErrTruncated, 0},
		{"cut map", "\x81\x01", ErrTruncated, 0},
		{"cut after the first", "\x92\xcc\x01", ErrTruncated, 3},
		{"declares what parents need", "\x93\x92\x01\x01", ErrTruncated, 1},
		{"array of 4 G", "\xdd\xff\xff\xff\xff", ErrTruncated, 0},
		{"map of 4 G", "\xdf\xff\xff\xff\xff", ErrTruncated, 0},
		{"map of 2 G", "\xdf\x80\x00\x00\x00", ErrTruncated, 0},
		{"str of 4 G", "\xdb\xff\xff\xff\xff", ErrTruncated, 0},
		{"bin of 4 G", "\xc6\xff\xff\xff\xff", ErrTruncated, 0},
		{"ext of 4 G", "\xc9\xff\xff\xff\xff\x01", ErrTruncated, 0},
		{"map key", "\x81\x80\x01", ErrMapKey, 1},
		{"array key", "\x82\x01\x01\x90\x01", ErrMapKey, 3},
		{"ext key", "\x81\xd4\x01\x01\x01", ErrMapKey, 1},
		{"array as value", "\x82\x01\x90\x02\x80", nil, 0},
		{"key after a nested map", "\x82\x01\x81\x01\x02\x80\x01", ErrMapKey, 5},
		{"ext -2", "\xd4\xfe\x01", ErrExt, 0},
		{"ext -128", "\xd4\x80\x01", ErrExt, 0},
		{"timestamp of 1", "\xd4\xff\x01", ErrExt, 0},
		{"timestamp of 16", "\xd8\xff1234567890123456", ErrExt, 0},
		{"text ff", "\xa1\xff", ErrUTF8, 0},
		{"text cut in a rune", "\x92\xa1a\xa2\xe2\x82", ErrUTF8, 3},
		{"surrogate", "\xa3\xed\xa0\x80", ErrUTF8, 0},
		{"text then bytes", "\x92\xa1a\xc4\x09\xff\xff\xff\xff\xff\xff\xff\xff\xff", nil, 0},
		{"bytes then text", "\x92\xc4\x09\xff\xff\xff\xff\xff\xff\xff\xff\xff\xa1a", nil, 0},
		{"empty text then bytes", "\x92\xa0\xc4\x09\xff\xff\xff\xff\xff\xff\xff\xff\xff", nil, 0},
		{"long text in str8", "\xd9\x28" + long[1:] + "\xff", ErrUTF8, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var l Limits
			err := l.Check([]byte(c.in))
			if c.err == nil {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var p *PayloadError
			if !errors.As(err, &p) || !errors.Is(err, c.err) || p.Offset != c.at {
				t.Errorf("got %v, want %v at %d", err, c.err, c.at)
			}
		})
	}
}

// Text of every length, at every distance from the payload's ends, with one
// byte that is not ASCII at every place: the words loaded must never reach
// what is not text, nor miss what is.
func TestCheckText(t *testing.T) {
	for n := range 40 {
		for after := range 12 {
			for bad := -1; bad < n; bad++ {
				for _, r := range []string{"\xff", "é"} {
					s := []byte(strings.Repeat("x", n))
					if bad >= 0 {
						copy(s[bad:], r)
					}
					for _, front := range [][]byte{nil, {0xc4, 4, 255, 255, 255, 255}} {
						b := []byte{0x93}
						if front == nil {
							b[0] = 0x92
						}
						b = append(b, front...)
						b = AppendString(b, string(s))
						b = AppendBytes(b, bytes.Repeat([]byte{0xff}, after))
						var l Limits
						if err := l.Check(b); (err == nil) != utf8.Valid(s) {
							t.Fatalf("%q with %d bytes after it: %v", s, after, err)
						}
					}
				}
			}
		}
	}
}

func nested(depth int, open string) []byte {
	return append(bytes.Repeat([]byte(open), depth), 0xc0)
}

func TestCheckDepth(t *testing.T) {
	for _, open := range []string{"\x91", "\x81\x01", "\xdc\x00\x01", "\x92\x01"} {
		for _, c := range []struct{ limit, most int }{
			{0, 32}, {1, 1}, {7, 7}, {8, 8}, {9, 9}, {100, 100}, {128, 128}, {1000, 128}, {-1, 32},
		} {
			l := Limits{Depth: c.limit}
			if err := l.Check(nested(c.most, open)); err != nil {
				t.Errorf("%x, limit %d: %d levels: %v", open, c.limit, c.most, err)
			}
			if err := l.Check(nested(c.most+1, open)); !errors.Is(err, ErrDepth) {
				t.Errorf("%x, limit %d: %d levels: %v", open, c.limit, c.most+1, err)
			}
		}
	}
	var l Limits
	if err := l.Check(append(bytes.Repeat([]byte{0x91}, 32), 0x90)); !errors.Is(err, ErrDepth) {
		t.Errorf("an empty array counts as a level too: %v", err)
	}
}

func TestCheckElements(t *testing.T) {
	array := func(n int) []byte { return append(AppendArrayHeader(nil, n), make([]byte, n)...) }
	dict := func(n int) []byte { return append(AppendMapHeader(nil, n), make([]byte, 2*n)...) }
	both := append(append([]byte{0x92}, array(10)...), dict(10)...) // 2 + 10 + 20
	for _, c := range []struct {
		name  string
		limit int
		in    []byte
		ok    bool
	}{
		{"array", 100, array(100), true},
		{"array", 100, array(101), false},
		{"map", 100, dict(50), true},
		{"map", 100, dict(51), false},
		{"sum", 32, both, true},
		{"sum", 31, both, false},
		{"deep", 10, nested(10, "\x91"), true},
		{"deep", 9, nested(10, "\x91"), false},
		{"default", 0, array(65536), true},
		{"default", 0, array(65537), false},
	} {
		l := Limits{Elements: c.limit}
		if err := l.Check(c.in); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrElements) {
			t.Errorf("%s, limit %d: %v", c.name, c.limit, err)
		}
	}
}

// costly are payloads that take much memory for their length.
func costly() map[string][]byte {
	const n = 500
	repeat := func(n int, s string) []byte {
		return append(AppendArrayHeader(nil, n), strings.Repeat(s, n)...)
	}
	dict := func(n int, key func([]byte, int) []byte, value string) []byte {
		b := AppendMapHeader(nil, n)
		for i := range n {
			b = append(key(b, i), value...)
		}
		return b
	}
	text := func(b []byte, i int) []byte {
		return append(b, 0xa4, byte('a'+i>>12), byte('a'+i>>8&15), byte('a'+i>>4&15), byte('a'+i&15))
	}
	number := func(b []byte, i int) []byte { return AppendUint(b, uint64(i+1000)) }
	shapes := map[string][]byte{
		"nils":        repeat(8*n, "\xc0"),
		"ints":        repeat(8*n, "\xcd\x12\x34"),
		"negatives":   repeat(8*n, "\xe0"),
		"floats":      repeat(n, "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"),
		"strings":     repeat(8*n, "\xa2ab"),
		"empty":       repeat(8*n, "\xa0"),
		"bins":        repeat(8*n, "\xc4\x01a"),
		"empty bins":  repeat(8*n, "\xc4\x00"),
		"exts":        repeat(8*n, "\xd4\x01a"),
		"empty exts":  repeat(8*n, "\xc7\x00\x01"),
		"times":       repeat(2*n, "\xd6\xff1234"),
		"arrays":      repeat(8*n, "\x90"),
		"singles":     repeat(4*n, "\x91\xe0"),
		"empty maps":  repeat(8*n, "\x80"),
		"small maps":  repeat(4*n, "\x81\xa1a\xe0"),
		"mixed maps":  repeat(4*n, "\x81\xe0\xe0"),
		"maps of 8":   repeat(n/4, "\x88\xa1a\xe0\xa1b\xe0\xa1c\xe0\xa1d\xe0\xa1e\xe0\xa1f\xe0\xa1g\xe0\xa1h\xe0"),
		"maps of 9":   repeat(n/4, "\x89\xa1a\xe0\xa1b\xe0\xa1c\xe0\xa1d\xe0\xa1e\xe0\xa1f\xe0\xa1g\xe0\xa1h\xe0\xa1i\xe0"),
		"maps of 15":  repeat(n/4, "\x8f\xa1a\xe0\xa1b\xe0\xa1c\xe0\xa1d\xe0\xa1e\xe0\xa1f\xe0\xa1g\xe0\xa1h\xe0\xa1i\xe0\xa1j\xe0\xa1k\xe0\xa1l\xe0\xa1m\xe0\xa1n\xe0\xa1o\xe0"),
		"text":        AppendString(nil, strings.Repeat("a", 32769)),
		"large map":   dict(4*n, text, "\xe0"),
		"worst map":   dict(1793, text, "\xe0"), // over the load of a power of two
		"number keys": dict(4*n, number, "\xe0"),
		"maps in map": dict(4*n, number, "\x80"),
		"mapped maps": repeat(2*n, "\x81\x01\x80"),
		"exts in map": dict(2*n, number, "\xd4\x01a"),
	}
	return shapes
}

// allocated is what f allocates, in bytes.
func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

func TestEstimateHoldsForDecodeAny(t *testing.T) {
	for name, b := range costly() {
		t.Run(name, func(t *testing.T) {
			var m Msgpack
			m.Limits.Elements = 1 << 20
			var w walk
			w.limit(&m.Limits)
			if err := w.whole(b); err != nil {
				t.Fatal(err)
			}
			estimate := w.cost()
			m.DecodeAny(b)
			took := allocated(func() {
				if _, err := m.DecodeAny(b); err != nil {
					t.Fatal(err)
				}
			})
			if took > estimate+2048 {
				t.Errorf("took %d bytes, estimate %d", took, estimate)
			}
			if estimate > 8*took {
				t.Errorf("took %d bytes, an estimate of %d refuses too much", took, estimate)
			}

			m.Limits.Budget = estimate
			if err := m.Limits.Check(b); err != nil {
				t.Errorf("at a budget of the estimate: %v", err)
			}
			m.Limits.Budget = estimate - 1
			if err := m.Limits.Check(b); !errors.Is(err, ErrBudget) {
				t.Errorf("one byte under the estimate: %v", err)
			}
		})
	}
}

func TestNilLimitsAreDefaults(t *testing.T) {
	var l *Limits
	if err := l.Check(nested(33, "\x91")); !errors.Is(err, ErrDepth) {
		t.Error(err)
	}
}

func TestCheckAllocatesNothing(t *testing.T) {
	payloads := [][]byte{
		nested(32, "\x91"), // beyond the small stack
		compact(samplePlayer()),
		compact(sampleRoster()),
	}
	if n := testing.AllocsPerRun(100, func() {
		var l Limits
		for _, b := range payloads {
			if err := l.Check(b); err != nil {
				t.Fatal(err)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// sound is the guard without its limits, written for clarity. It returns what
// comes after the object, or false.
func sound(b []byte, depth int, key bool) ([]byte, bool) {
	if len(b) == 0 {
		return nil, false
	}
	c, rest := b[0], b[1:]
	number := func(width int) (n int, ok bool) {
		if len(rest) < width {
			return 0, false
		}
		var wide [8]byte
		copy(wide[8-width:], rest)
		rest = rest[width:]
		n = int(binary.BigEndian.Uint64(wide[:]))
		return n, n >= 0 // where an int has 32 bits
	}
	skip := func(n int, check func([]byte) bool) ([]byte, bool) {
		if n > len(rest) || check != nil && !check(rest[:n]) {
			return nil, false
		}
		return rest[n:], true
	}
	many := func(n int, pairs bool) ([]byte, bool) {
		if key || depth == 0 {
			return nil, false
		}
		each := 1
		if pairs {
			each = 2
		}
		for i := range n * each {
			var ok bool
			if rest, ok = sound(rest, depth-1, pairs && i%2 == 0); !ok {
				return nil, false
			}
		}
		return rest, true
	}
	extension := func(n int) ([]byte, bool) {
		if key || len(rest) == 0 {
			return nil, false
		}
		typ := int8(rest[0])
		rest = rest[1:]
		if typ < 0 && !(typ == -1 && (n == 4 || n == 8 || n == 12)) {
			return nil, false
		}
		return skip(n, nil)
	}
	width := func(base byte) int { return 1 << (c - base) }
	switch {
	case c <= 0x7f || c >= 0xe0 || c == 0xc0 || c == 0xc2 || c == 0xc3:
		return rest, true
	case c <= 0x8f:
		return many(int(c&15), true)
	case c <= 0x9f:
		return many(int(c&15), false)
	case c <= 0xbf:
		return skip(int(c&31), utf8.Valid)
	case c == 0xc1:
		return nil, false
	case c <= 0xc6:
		if n, ok := number(width(0xc4)); ok {
			return skip(n, nil)
		}
	case c <= 0xc9:
		if n, ok := number(width(0xc7)); ok {
			return extension(n)
		}
	case c == 0xca:
		return skip(4, nil)
	case c == 0xcb:
		return skip(8, nil)
	case c <= 0xcf:
		return skip(width(0xcc), nil)
	case c <= 0xd3:
		return skip(width(0xd0), nil)
	case c <= 0xd8:
		return extension(width(0xd4))
	case c <= 0xdb:
		if n, ok := number(width(0xd9)); ok {
			return skip(n, utf8.Valid)
		}
	case c <= 0xdd:
		if n, ok := number(2 * width(0xdc)); ok {
			return many(n, false)
		}
	default:
		if n, ok := number(2 * width(0xde)); ok {
			return many(n, true)
		}
	}
	return nil, false
}

// The guard agrees with sound, and whatever passes it decodes without a panic,
// to the end.
func FuzzGuard(f *testing.F) {
	for _, b := range corpus() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l := Limits{Elements: math.MaxInt, Budget: math.MaxInt}
		err := l.Check(b)
		rest, ok := sound(b, 32, false)
		if ok = ok && len(rest) == 0; ok != (err == nil) {
			t.Fatalf("guard: %v, by hand: %v", err, ok)
		}
		if after, skipErr := Skip(b); err == nil && (skipErr != nil || len(after) > 0) {
			t.Fatalf("Skip: %d left, %v", len(after), skipErr)
		}
		var m Msgpack
		if m.Limits.Check(b) != nil {
			return
		}
		if _, err := m.DecodeAny(b); err != nil {
			t.Fatal(err)
		}
		for _, v := range shapes() {
			err := m.Decode(b, v)
			var c *CodecError
			if err != nil && !errors.As(err, &c) && !errors.Is(err, ErrBudget) {
				t.Fatalf("into %T: %v", v, err)
			}
		}
	})
}

type everything struct {
	B    bool
	I    int8
	U    uint16
	F    float32
	S    string
	P    []byte
	A    any
	L    []any
	M    map[string]any
	N    map[any]any
	T    time.Time
	D    time.Duration
	R    Raw
	V    msgpack.RawMessage
	E    Ext
	Q    *everything
	K    [4]byte
	G    [2]int
	H    []everything
	Strs []string
	Dict map[string]string
	Keys map[int]string
}

type tuple struct {
	_msgpack struct{} `msgpack:",as_array"` //lint:ignore U1000 the library reads it by reflection
	A        int
	B        string
	C        any
}

func shapes() []any {
	return []any{
		new(everything), new(tuple), new([]everything), new(map[string]everything), new(map[any]any),
		new(map[string]string), new([]string), new([]int), new([][]any), new(string), new(int), new(float64),
		new(bool), new([]byte), new(time.Time), new(Raw), new(Ext), new(any), new([]any), new(map[string]any),
		new(msgpack.RawMessage), new(map[string]int), new([3]uint8), new(map[[2]string]int), new(player), new([]player),
	}
}

// corpus is a seed of payloads of all kinds.
func corpus() [][]byte {
	var all [][]byte
	for _, row := range golden() {
		if len(row.wire) < 300 { // large seeds keep the fuzzer from trying many
			all = append(all, row.wire)
		}
	}
	for _, b := range bombs() {
		if len(b) < 300 {
			all = append(all, b)
		}
	}
	all = append(all,
		nested(32, "\x91"), nested(33, "\x81\x01"), nested(9, "\x92\x01"),
		[]byte("\x96\xd4\x01a\xd6\xff1234\xd7\xff12345678\xc7\x0c\xff123456789012\xc7\x00\x05\xc8\x00\x01\x07a"),
		[]byte("\x81\xa1T\xc0"), []byte("\x81\xa1T\xd7\xff\xdf\xff\xff\xff\xff\xff\xff\xff"),
		[]byte("\x83\xa1N\x82\xc4\x01a\x01\x02\x03\xa1M\x81\xa1a\x91\x80\xa1A\x92\xca\x00\x00\x00\x00\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
		[]byte("\x82\xa1R\x93\x01\x02\x03\xa1V\x81\x01\x90"), []byte("\x93\x01\xa1x\xc3"),
		[]byte("\x81\xa1Q\x81\xa1Q\x81\xa1H\x92\x80\xc0"), []byte("\x82\xa1E\xd5\x09ab\xa1K\xc4\x04abcd"),
		compact(samplePlayer()), compact(sampleRoster()),
	)
	return all
}
