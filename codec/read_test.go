package codec

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

// readers are the Read functions with their results as text.
func readers() map[string]func([]byte) (string, []byte, error) {
	return map[string]func([]byte) (string, []byte, error){
		"nil": func(b []byte) (string, []byte, error) {
			rest, err := ReadNil(b)
			return "", rest, err
		},
		"bool":  func(b []byte) (string, []byte, error) { v, rest, err := ReadBool(b); return fmt.Sprint(v), rest, err },
		"uint":  func(b []byte) (string, []byte, error) { v, rest, err := ReadUint(b); return fmt.Sprint(v), rest, err },
		"int":   func(b []byte) (string, []byte, error) { v, rest, err := ReadInt(b); return fmt.Sprint(v), rest, err },
		"float": func(b []byte) (string, []byte, error) { v, rest, err := ReadFloat(b); return fmt.Sprint(v), rest, err },
		"text":  func(b []byte) (string, []byte, error) { v, rest, err := ReadText(b); return string(v), rest, err },
		"array": func(b []byte) (string, []byte, error) {
			v, rest, err := ReadArrayHeader(b)
			return fmt.Sprint(v), rest, err
		},
		"map": func(b []byte) (string, []byte, error) {
			v, rest, err := ReadMapHeader(b)
			return fmt.Sprint(v), rest, err
		},
		"skip": func(b []byte) (string, []byte, error) { rest, err := Skip(b); return "", rest, err },
	}
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		read, in, want string
		left           int
		err            error
	}{
		{"nil", "\xc0\x01", "", 1, nil},
		{"nil", "\x01", "", 1, ErrKind},
		{"nil", "", "", 0, ErrTruncated},

		{"bool", "\xc2", "false", 0, nil},
		{"bool", "\xc3\x01", "true", 1, nil},
		{"bool", "\x01", "false", 1, ErrKind},
		{"bool", "\xc1", "false", 1, ErrKind},
		{"bool", "\xc0", "false", 1, ErrKind},
		{"bool", "", "false", 0, ErrTruncated},

		{"uint", "\x00", "0", 0, nil},
		{"uint", "\x7f\x7f", "127", 1, nil},
		{"uint", "\xcc\xff", "255", 0, nil},
		{"uint", "\xcd\xff\xff", "65535", 0, nil},
		{"uint", "\xce\x00\x01\x00\x01", "65537", 0, nil},
		{"uint", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615", 0, nil},
		{"uint", "\xd0\x7f", "127", 0, nil},
		{"uint", "\xd1\x7f\xff", "32767", 0, nil},
		{"uint", "\xd2\x7f\xff\xff\xff", "2147483647", 0, nil},
		{"uint", "\xd3\x7f\xff\xff\xff\xff\xff\xff\xff", "9223372036854775807", 0, nil},
		{"uint", "\xff", "0", 1, ErrRange},
		{"uint", "\xd0\x80", "0", 2, ErrRange},
		{"uint", "\xd1\x80\x00", "0", 3, ErrRange},
		{"uint", "\xd2\x80\x00\x00\x00", "0", 5, ErrRange},
		{"uint", "\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "0", 9, ErrRange},
		{"uint", "\xcd\xff", "0", 2, ErrTruncated},
		{"uint", "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00", "0", 9, ErrKind},
		{"uint", "\xc3", "0", 1, ErrKind},
		{"uint", "\xa1a", "0", 2, ErrKind},
		{"uint", "\xc1", "0", 1, ErrKind},
		{"uint", "", "0", 0, ErrTruncated},
		{"int", "\xff", "-1", 0, nil},
		{"int", "\xe0\x01", "-32", 1, nil},
		{"int", "\xd0\x80", "-128", 0, nil},
		{"int", "\xd1\x80\x00", "-32768", 0, nil},
		{"int", "\xd2\x80\x00\x00\x00", "-2147483648", 0, nil},
		{"int", "\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "-9223372036854775808", 0, nil},
		{"int", "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", "9223372036854775807", 0, nil},
		{"int", "\xcf\x80\x00\x00\x00\x00\x00\x00\x00", "0", 9, ErrRange},
		{"int", "\xd3", "0", 1, ErrTruncated},
		{"int", "\xa0", "0", 1, ErrKind},
		{"float", "\xca\x3f\xc0\x00\x00\x01", "1.5", 1, nil},
		{"float", "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", "1.5", 0, nil},
		{"float", "\xcb\x3f", "0", 2, ErrTruncated},
		{"float", "\x01", "0", 1, ErrKind},
		{"float", "", "0", 0, ErrTruncated},

		{"text", "\xa2hi\xc0", "hi", 1, nil},
		{"text", "\xa0", "", 0, nil},
		{"text", "\xd9\x02hi", "hi", 0, nil},
		{"text", "\xc4\x02hi", "hi", 0, nil},
		{"text", "\xdb\x00\x00\x00\x02hi", "hi", 0, nil},
		{"text", "\xa2h", "", 2, ErrTruncated},
		{"text", "\xd9", "", 1, ErrTruncated},
		{"text", "\xc6\xff\xff\xff\xff", "", 5, ErrTruncated},
		{"text", "\x01", "", 1, ErrKind},
		{"text", "\xd4\x01\x01", "", 3, ErrKind},
		{"text", "", "", 0, ErrTruncated},

		{"array", "\x92\x01\x02", "2", 2, nil},
		{"array", "\xdc\x00\x02\x01\x02", "2", 2, nil},
		{"array", "\x92\x01", "0", 2, ErrTruncated},
		{"array", "\xdd\xff\xff\xff\xff", "0", 5, ErrTruncated},
		{"array", "\xdc\x00", "0", 2, ErrTruncated},
		{"array", "\x80", "0", 1, ErrKind},

		{"map", "\x81\x01\x02", "1", 2, nil},
		{"map", "\xdf\x00\x00\x00\x01\x01\x02", "1", 2, nil},
		{"map", "\x81\x01", "0", 2, ErrTruncated},
		{"map", "\xdf\xff\xff\xff\xff", "0", 5, ErrTruncated},
		{"map", "\x90", "0", 1, ErrKind},
		{"map", "\xc0", "0", 1, ErrKind},

		{"skip", "\x82\x01\x92\xa1a\xc0\x02\xd4\x01\x01\x07", "", 1, nil},
		{"skip", string(nested(128, "\x91")) + "x", "", 1, nil},
		{"skip", string(nested(129, "\x91")), "", 130, ErrDepth},
		{"skip", "\x92\x01", "", 2, ErrTruncated},
		{"skip", "\xc1", "", 1, ErrReserved},
		{"skip", "", "", 0, ErrTruncated},
	} {
		got, rest, err := readers()[c.read]([]byte(c.in))
		if got != c.want || len(rest) != c.left || !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("%s of %.20x: %q, %d left, %v; want %q, %d, %v", c.read, c.in, got, len(rest), err, c.want, c.left, c.err)
		}
		var p *PayloadError
		if err != nil && !errors.As(err, &p) {
			t.Errorf("%s of %.20x: %T", c.read, c.in, err)
		}
	}
}

func TestReadWhatAppendWrote(t *testing.T) {
	b := AppendMapHeader(nil, 2)
	b = AppendString(b, "adapt")
	b = AppendBool(b, true)
	b = AppendString(b, "ids")
	b = AppendArrayHeader(b, 2)
	b = AppendUint(b, 40)
	b = AppendNil(b)
	var n int
	var s []byte
	var yes bool
	var id uint64
	var err error
	step := func(e error) {
		t.Helper()
		if e != nil {
			t.Fatal(e)
		}
	}
	n, b, err = ReadMapHeader(b)
	step(err)
	s, b, err = ReadText(b)
	step(err)
	yes, b, err = ReadBool(b)
	step(err)
	if n != 2 || string(s) != "adapt" || !yes {
		t.Errorf("%d %q %v", n, s, yes)
	}
	_, b, err = ReadText(b)
	step(err)
	n, b, err = ReadArrayHeader(b)
	step(err)
	id, b, err = ReadUint(b)
	step(err)
	b, err = ReadNil(b)
	step(err)
	if n != 2 || id != 40 || len(b) != 0 {
		t.Errorf("%d %d, %d left", n, id, len(b))
	}
}

func TestReadAllocatesNothing(t *testing.T) {
	b := []byte("\x82\xa1a\x01\xc4\x01b\xcd\x01\x00")
	if n := testing.AllocsPerRun(100, func() {
		n, rest, _ := ReadMapHeader(b)
		for range n {
			_, rest, _ = ReadText(rest)
			_, rest, _ = ReadUint(rest)
		}
		if _, err := Skip(b); err != nil || len(rest) != 0 {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzRead(f *testing.F) {
	for _, b := range corpus() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		for name, read := range readers() {
			_, rest, err := read(b)
			if !bytes.HasSuffix(b, rest) || (err == nil) != (len(rest) < len(b)) {
				t.Errorf("%s: %d of %d bytes left, %v", name, len(rest), len(b), err)
			}
		}
		if !bytes.Equal(b, before) {
			t.Error("the input was written to")
		}
	})
}
