package natswire

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// heard is all that a reader finds, with what comes cut into pieces of so many bytes.
func heard(said string, piece int) (all []string, err error) {
	var r Reader
	for b := range slices.Chunk([]byte(said), piece) {
		err = errors.Join(err, r.Read(slices.Clone(b), func(kind Kind, text []byte) error {
			all = append(all, fmt.Sprint(int(kind), string(text)))
			return nil
		}))
	}
	return all, err
}

func TestReaderFindsAllWhateverThePieces(t *testing.T) {
	said := "INFO {\"a\":1}\r\nPING\r\nMSG p.stream.a 1 5\r\nhe\r\nl\r\n+OK\r\nMSG p.stream.a 1 _reply.x 0\r\n\r\nPONG\r\n-ERR 'Slow Consumer'\r\n"
	want := []string{`1{"a":1}`, "2", "4he\r\nl", "6", "4", "3", "5'Slow Consumer'"}
	for piece := 1; piece <= len(said); piece++ {
		if got, err := heard(said, piece); err != nil || !slices.Equal(got, want) {
			t.Fatalf("in pieces of %d: %q, %v", piece, got, err)
		}
	}
}

func TestReaderRefuses(t *testing.T) {
	for _, said := range []string{
		"HELLO\r\n", "MSG a 1 x\r\n", "MSG a 1 -1\r\n", "MSG a 1 9999999\r\n", "MSG a 1 99999999999999999999\r\n",
		"MSG a 1 2\r\nhello\r\n", strings.Repeat("x", MaxLine+1), "MSG \r\n",
	} {
		if got, err := heard(said, len(said)); !errors.Is(err, ErrProtocol) {
			t.Errorf("%.40q: %q, %v", said, got, err)
		}
	}
}

// A payload that comes in pieces does not keep its memory for ever.
func TestReaderLetsMemoryGo(t *testing.T) {
	var r Reader
	long := []byte("MSG a 1 200000\r\n" + strings.Repeat("x", 200000) + "\r\n")
	for b := range slices.Chunk(long, 1000) {
		if err := r.Read(b, func(Kind, []byte) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if cap(r.part) > MaxLine {
		t.Errorf("%d bytes are kept", cap(r.part))
	}
}

// What is written is what is read, as far as both sides say the same.
func TestPublishIsWhole(t *testing.T) {
	b := append(AppendPublish(nil, "p.stream.a", 5), "hello"+End...)
	if string(b) != "PUB p.stream.a 5\r\nhello\r\n" {
		t.Errorf("%q", b)
	}
	if got := string(AppendSubscribe(nil, "p.stream.a")); got != "SUB p.stream.a 1\r\n" {
		t.Errorf("%q", got)
	}
	if got := string(AppendConnect(nil, `n"1`, "u", "p")); !strings.HasPrefix(got, "CONNECT {") || !strings.Contains(got, `"name":"n\"1"`) || !strings.HasSuffix(got, "}\r\n") {
		t.Errorf("%q", got)
	}
}

func TestReadingDoesNotAllocate(t *testing.T) {
	var r Reader
	said := []byte("MSG p.stream.a 1 5\r\nhello\r\nPING\r\n")
	f := func(Kind, []byte) error { return nil }
	if n := testing.AllocsPerRun(100, func() { r.Read(said, f) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzReader(f *testing.F) {
	f.Add("INFO {}\r\nMSG a 1 2\r\nhi\r\n", 3)
	f.Add("-ERR x\r\nPING\r\n", 1)
	f.Fuzz(func(t *testing.T, said string, piece int) {
		if piece < 1 || said == "" {
			return
		}
		whole, err := heard(said, len(said))
		parts, err2 := heard(said, min(piece, len(said)))
		if err == nil && (err2 != nil || !slices.Equal(whole, parts)) {
			t.Errorf("whole %q, in pieces %q, %v", whole, parts, err2)
		}
	})
}
