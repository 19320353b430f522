package codec

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// bombs are payloads that kill msgpack/v5, or make it take memory out of all
// proportion.
func bombs() map[string][]byte {
	// Each head declares as much as there are bytes after it.
	heads := make([]byte, 5000)
	for i := 0; i+3 <= len(heads); i += 3 {
		heads[i] = array16
		binary.BigEndian.PutUint16(heads[i+1:], uint16(len(heads)-i-3))
	}
	return map[string][]byte{
		"array of 4 G":    []byte("\xdd\xff\xff\xff\xff"),
		"map of 4 G":      []byte("\xdf\xff\xff\xff\xff"),
		"str of 4 GiB":    []byte("\xdb\xff\xff\xff\xff"),
		"bin of 4 GiB":    []byte("\xc6\xff\xff\xff\xff"),
		"ext of 4 GiB":    []byte("\xc9\xff\xff\xff\xff\x01"),
		"nested arrays":   bytes.Repeat([]byte{0x91}, 2<<20),
		"nested maps":     bytes.Repeat([]byte{0x81, 0x01}, 1<<20),
		"nested heads":    heads,
		"elements":        append([]byte("\xdd\x00\x10\x00\x00"), make([]byte, 1<<20)...),
		"list key":        []byte("\x81\x91\x01\x01"),
		"map key":         []byte("\x81\x81\x01\x01\x01"),
		"cut off raw":     []byte("\x81\xa1R\x92\x01"),
		"cut off message": []byte("\x81\xa1V\xdc\x00\x05\x01"),
	}
}

// hidden are sound payloads whose exts look like a map of 4 G to a decoder
// that does not look closely.
func hidden() map[string][]byte {
	return map[string][]byte{
		"ext8":            []byte("\xc7\x05\x01\xdf\xff\xff\xff\xff"),
		"ext16":           []byte("\xc8\x00\x05\x01\xdf\xff\xff\xff\xff"),
		"ext32":           []byte("\xc9\x00\x00\x00\x05\x01\xdf\xff\xff\xff\xff"),
		"fixext8":         []byte("\xd7\x01\xdf\xff\xff\xff\xff\x00\x00\x00"),
		"timestamp":       []byte("\xd7\xff\xdf\xff\xff\xff\xff\x00\x00\x00"),
		"long timestamp":  []byte("\xc7\x0c\xff\xdf\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00"),
		"over the end":    []byte("\x92\xd6\x01\xdf\xff\xff\xff\xce\x00\x00\x00\x00"),
		"after an ext":    []byte("\x92\xd6\x01abcd\xd7\x01\xdf\xff\xff\xff\xff\x00\x00\x00"),
		"second of two":   []byte("\x82\xa1E\xd6\x01abcd\xa1M\xd7\x01\xdf\xff\xff\xff\xff\x00\x00\x00"),
		"empty, then map": []byte("\x92\xc7\x00\x01\x80"),
	}
}

// around puts b in all places where it is decoded differently.
func around(b []byte) map[string][]byte {
	field := func(name string) []byte { return append([]byte{0x81, 0xa1, name[0]}, b...) }
	in := map[string][]byte{
		"itself":        b,
		"unknown field": field("z"),
		"list":          append([]byte{0x91}, b...),
		"map":           append([]byte{0x81, 0x01}, b...),
		"field in Q":    append([]byte("\x81\xa1Q\x81\xa1Q\x81\xa1A"), b...),
		"after a map":   append([]byte("\x92\x80"), b...),
	}
	for _, f := range "BIUFSPALMNTDRVEQKGH" {
		in["field "+string(f)] = field(string(f))
	}
	return in
}

func TestBombs(t *testing.T) {
	for name, bomb := range bombs() {
		for place, b := range around(bomb) {
			var l Limits
			if l.Check(b) == nil {
				t.Errorf("%s in %s passes", name, place)
			}
			disarm(t, name+" in "+place, b)
		}
	}
	for name, bomb := range hidden() {
		for place, b := range around(bomb) {
			var l Limits
			if err := l.Check(b); err != nil {
				t.Errorf("%s in %s: %v", name, place, err)
			}
			disarm(t, name+" in "+place, b)
		}
	}
}

// disarm decodes b into all shapes; the point is to be alive afterwards, at a
// bounded price.
func disarm(t *testing.T, name string, b []byte) {
	t.Helper()
	var m Msgpack
	took := allocated(func() {
		m.DecodeAny(b)
		for _, v := range shapes() {
			m.Decode(b, v)
			b, err := m.Append(nil, samplePlayer())
			var p player
			if err != nil || m.Decode(b, &p) != nil || p != samplePlayer() {
				t.Errorf("%s left a broken codec", name)
			}
		}
	})
	if took > 16<<20 {
		t.Errorf("%s: %d bytes allocated", name, took)
	}
}

func TestExtIsNotTakenForAMap(t *testing.T) {
	var m Msgpack
	for name, b := range hidden() {
		if name == "over the end" || name == "after an ext" || name == "second of two" || name == "empty, then map" {
			continue
		}
		if err := m.Decode(b, new(map[string]int)); err == nil {
			t.Errorf("%s decodes into a map", name)
		}
	}
	var l []map[string]int
	if err := m.Decode([]byte("\x92\xc7\x00\x01\x80"), &l); err == nil {
		t.Errorf("an empty ext decodes as the map after it: %v", l)
	}
}

// Exts and times in their right places decode as ever, however many.
func TestExtsDecode(t *testing.T) {
	var m Msgpack
	v := everything{E: Ext{1, []byte("\xdf\xff\xff\xff\xff")}, T: timeOf([]byte("\xdf\xff\xff\xff\x00\x00\x00\x01"))}
	v.Q = &everything{E: Ext{2, make([]byte, 3<<20)}, T: v.T, A: map[string]any{"t": v.T, "e": v.E}}
	b, err := m.Append(nil, &v)
	if err != nil {
		t.Fatal(err)
	}
	m.Limits.Budget = 1 << 30
	var got everything
	if err := m.Decode(b, &got); err != nil {
		t.Fatal(err)
	}
	if !equal(got.E, v.E) || !equal(got.T, v.T) || !equal(got.Q.E, v.Q.E) || !equal(got.Q.T, v.T) || !equal(got.Q.A, v.Q.A) {
		t.Error("values differ")
	}
	var raw struct{ Q Raw }
	if err := m.Decode(b, &raw); err != nil || len(raw.Q) < 3<<20 {
		t.Errorf("as Raw: %d bytes, %v", len(raw.Q), err)
	}
	if err := m.Decode(b, new(struct{})); err != nil {
		t.Errorf("skipped: %v", err)
	}
}
