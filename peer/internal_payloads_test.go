package peer

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// The payloads are captured from the Python library, with text as str and, as
// Python 2 sends it, as bin.
func TestParseInit(t *testing.T) {
	for _, test := range []struct {
		hex  string
		want initMsg
		bad  bool
	}{
		{hex: "81 a776657273696f6e 01", want: initMsg{version: 1}},
		{hex: "81 c40776657273696f6e 01", want: initMsg{version: 1}},
		{hex: "81 a776657273696f6e 02", want: initMsg{version: 2}},
		{hex: "81 a776657273696f6e a131"}, // "1" is no number
		{hex: "82 a776657273696f6e 01 a86d61786672616d65 ce00100000", want: initMsg{version: 1, maxFrame: 1 << 20}},
		{hex: "82 a776657273696f6e 01 a9686561727462656174 c3", want: initMsg{version: 1, beats: true}},
		{hex: "82 a776657273696f6e 01 a9686561727462656174 c2", want: initMsg{version: 1}},
		{hex: "82 a776657273696f6e 01 a461757468 c3", want: initMsg{version: 1, auth: true}},
		{hex: "82 a776657273696f6e 01 a461757468 01", want: initMsg{version: 1}},
		{hex: "82 a776657273696f6e 01 a16e 91c0", want: initMsg{version: 1}}, // an extension of somebody else's
		{hex: "80", bad: true},
		{hex: "81 a16e 01", bad: true},
		{hex: "c0", bad: true},
		{hex: "", bad: true},
		{hex: "81 a776657273696f6e", bad: true},
		{hex: "81 a776657273696f6e 01 00", bad: true},
		{hex: "dfffffffff", bad: true},
	} {
		got, err := parseInit(unhex(test.hex))
		if (err != nil) != test.bad || !test.bad && got != test.want {
			t.Errorf("%s: %+v, %v", test.hex, got, err)
		}
	}
}

func TestParsePubIDs(t *testing.T) {
	ids := []registry.Entry{{Name: "app:ping", ID: 17}, {Name: "app:pong", ID: 300}}
	good := pubIDsMsg{adapt: true, ids: ids}.append(nil)
	for _, wanted := range []bool{true, false} {
		m, err := parsePubIDs(good, wanted)
		if err != nil || !m.adapt || m.unclear || wanted != reflect.DeepEqual(m.ids, ids) {
			t.Errorf("wanted %v: %+v, %v", wanted, m, err)
		}
	}
	for name, test := range map[string]struct {
		hex     string
		bad     bool
		unclear bool
	}{
		"bin keys":         {hex: "82 c4056164617074 c3 c40569646d6170 81 c4086170703a70696e67 11"},
		"number for adapt": {hex: "82 a56164617074 01 a569646d6170 80"},
		"nil for adapt":    {hex: "82 a56164617074 c0 a569646d6170 80", unclear: true},
		"no adapt":         {hex: "81 a569646d6170 80", bad: true},
		"no idmap":         {hex: "81 a56164617074 c3", bad: true},
		"idmap nil":        {hex: "82 a56164617074 c3 a569646d6170 c0", bad: true},
		"id 70000":         {hex: "82 a56164617074 c3 a569646d6170 81 a161 ce00011170", bad: true},
		"id -1":            {hex: "82 a56164617074 c3 a569646d6170 81 a161 ff", bad: true},
		"id text":          {hex: "82 a56164617074 c3 a569646d6170 81 a161 a23137", bad: true},
		"a million names":  {hex: "82 a56164617074 c3 a569646d6170 df000f4240", bad: true},
		"bytes after":      {hex: "82 a56164617074 c3 a569646d6170 80 00", bad: true},
	} {
		m, err := parsePubIDs(unhex(test.hex), true)
		if (err != nil) != test.bad || m.unclear != test.unclear {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

func TestParseToken(t *testing.T) {
	for hex, want := range map[string][]byte{
		"82 a56164617074 c3 a569646d6170 80":                                   nil,
		"83 a56164617074 c3 a569646d6170 80 a5746f6b656e c403 000102":          {0, 1, 2},
		"83 a56164617074 c3 a569646d6170 80 a5746f6b656e c400":                 {},
		"83 a56164617074 c3 a569646d6170 80 a5746f6b656e a3616263":             []byte("abc"),
		"83 a56164617074 c3 a569646d6170 80 c405746f6b656e c403616263":         []byte("abc"),
		"83 a5746f6b656e c403616263 a56164617074 c3 a569646d6170 80":           []byte("abc"),
		"83 a56164617074 c3 a569646d6170 80 a5746f6b656e 93010203":             nil, // of another kind: missing
		"83 a56164617074 c3 a569646d6170 80 a5746f6b656e c0":                   nil,
		"84 a56164617074 c3 a569646d6170 80 a5746f6b656e a161 a17a c403aaaaaa": []byte("a"),
	} {
		m, err := parsePubIDs(unhex(hex), false)
		if err != nil || !bytes.Equal(m.token, want) || (m.token == nil) != (want == nil) {
			t.Errorf("%s: %x, %v, want %x", hex, m.token, err, want)
		}
	}
	if _, err := parsePubIDs(unhex("83 a56164617074 c3 a569646d6170 80 a5746f6b656e c40401"), false); err == nil {
		t.Error("a token that is cut off was taken")
	}
}

func TestParseSoftquit(t *testing.T) {
	for _, test := range []struct {
		hex  string
		want Reason
		bad  bool
	}{
		{hex: "81 a6726561736f6e aa726561736f6e2e627965", want: "reason.bye"},
		{hex: "81 c406726561736f6e c40a726561736f6e2e627965", want: "reason.bye"},
		{hex: "80", bad: true},
		{hex: "c0", bad: true},
		{hex: "81 a6726561736f6e c0", bad: true},
	} {
		m, err := parseSoftquit(unhex(test.hex))
		if (err != nil) != test.bad || !test.bad && m.reason != test.want {
			t.Errorf("%s: %+v, %v", test.hex, m, err)
		}
	}
	long := softquitMsg{Reason(strings.Repeat("x", 5000))}.append(nil)
	if m, err := parseSoftquit(long); err != nil || len(m.reason) != maxReason {
		t.Errorf("a long reason came back with %d bytes, %v", len(m.reason), err)
	}
}

func TestParseFinish(t *testing.T) {
	for hex, ok := range map[string]bool{"c0": true, "": false, "00": false, "c0c0": false} {
		if err := parseFinish(unhex(hex)); (err == nil) != ok {
			t.Errorf("%q: %v", hex, err)
		}
	}
}

// Whatever parses is the same after another append and parse. Names that this side could not
// have are taken as they come, to be told of; they are not appended.
func FuzzMessages(f *testing.F) {
	f.Add(initMsg{version: 1, maxFrame: 1 << 20}.append(nil))
	f.Add(pubIDsMsg{adapt: true, ids: []registry.Entry{{Name: "a:b", ID: 17}}, token: []byte("t")}.append(nil))
	f.Add(softquitMsg{ReasonUnknown}.append(nil))
	f.Add(unhex("82c4056164617074c3c40569646d617081c4086170703a70696e6711"))
	f.Add(unhex("82c4056164617074c3c40569646d617081c403613aff11")) // a name that is not UTF-8
	f.Add(unhex("dfffffffff"))
	f.Add(unhex("81a6726561736f6eae3030303030f63030303030303030")) // a reason that is not UTF-8
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := parseInit(b); err == nil {
			if again, err := parseInit(m.append(nil)); err != nil || again != m {
				t.Errorf("init %+v became %+v, %v", m, again, err)
			}
		}
		if m, err := parsePubIDs(b, true); err == nil && !m.unclear && !slices.ContainsFunc(m.ids, foreignName) {
			again, err := parsePubIDs(m.append(nil), true)
			if err != nil || again.adapt != m.adapt || !slices.Equal(again.ids, m.ids) || !bytes.Equal(again.token, m.token) {
				t.Errorf("pubids %+v became %+v, %v", m, again, err)
			}
		}
		if m, err := parseSoftquit(b); err == nil {
			if again, err := parseSoftquit(m.append(nil)); err != nil || again != m {
				t.Errorf("softquit %+v became %+v, %v", m, again, err)
			}
		}
		parseFinish(b)
	})
}

func foreignName(e registry.Entry) bool { return !utf8.ValidString(e.Name) }

// The bytes that PROTOCOL.md shows.
func TestAuthBytes(t *testing.T) {
	m := initMsg{version: 1, maxFrame: 1 << 20, beats: true, auth: true}
	if got, want := codec.AppendFrame(nil, 0, m.append(nil)), unhex("0000002b000084a776657273696f6e01a86d61786672616d65ce00100000a9686561727462656174c3a461757468c3"); !bytes.Equal(got, want) {
		t.Errorf("init is %x", got)
	}
	if n := len(m.append(nil)); n > maxInitPayload {
		t.Errorf("init has %d bytes", n)
	}
	ids := pubIDsMsg{adapt: true, token: []byte("abc")}
	if got, want := codec.AppendFrame(nil, 2, ids.append(nil)), unhex("0000001c000283a56164617074c3a569646d617080a5746f6b656ec403616263"); !bytes.Equal(got, want) {
		t.Errorf("pubids is %x", got)
	}
}
