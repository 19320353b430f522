package codec

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"reflect"
	"testing"
	"time"
)

// repack reads payloads, each after its length, and answers each with what
// u-msgpack makes of what it has made of it, or with nothing.
const repack = `
import collections, collections.abc, struct, sys
collections.Hashable = collections.abc.Hashable # which u-msgpack 2.3 looks for
import umsgpack
i, o = sys.stdin.buffer, sys.stdout.buffer
while True:
    head = i.read(4)
    if len(head) < 4:
        break
    try:
        out = umsgpack.packb(umsgpack.unpackb(i.read(*struct.unpack(">I", head))))
    except Exception:
        out = b""
    o.write(struct.pack(">I", len(out)) + out)
    o.flush()
`

// A python is a process that runs repack.
type python struct {
	in  io.Writer
	out *bufio.Reader
}

func startPython(t testing.TB) *python {
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(name, "-c", "import umsgpack").Run() != nil {
			continue
		}
		cmd := exec.Command(name, "-c", repack)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { in.Close(); cmd.Wait() })
		return &python{in, bufio.NewReader(out)}
	}
	const missing = "needs Python 3 with u-msgpack (Debian: python3-u-msgpack)"
	if os.Getenv("PACKETMQ_NEED_PYTHON") != "" {
		t.Fatal(missing)
	}
	fmt.Fprintln(os.Stderr, "skipped:", missing) // go test -fuzz does not show what Skip says
	t.Skip(missing)
	return nil
}

// repack returns what Python sends back, or nothing if it refuses b.
func (p *python) repack(t testing.TB, b []byte) []byte {
	t.Helper()
	if _, err := p.in.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)); err != nil {
		t.Fatal(err)
	}
	var head [4]byte
	if _, err := io.ReadFull(p.out, head[:]); err != nil {
		t.Fatal(err)
	}
	b = make([]byte, binary.BigEndian.Uint32(head[:]))
	if _, err := io.ReadFull(p.out, b); err != nil {
		t.Fatal(err)
	}
	return b
}

// alien reports whether v, as DecodeAny makes it, has something in it that
// u-msgpack refuses or changes: times, which are no ext it takes, and keys that
// are equal in Python, as 1 and true and 1.0.
func alien(v any) bool {
	switch v := v.(type) {
	case time.Time:
		return true
	case []any:
		for _, e := range v {
			if alien(e) {
				return true
			}
		}
	case map[string]any:
		for _, e := range v {
			if alien(e) {
				return true
			}
		}
	case map[any]any:
		for k, e := range v {
			switch k.(type) {
			case string, int64:
			default:
				return true
			}
			if alien(e) {
				return true
			}
		}
	}
	return false
}

// checkPython sends b to Python and back.
func checkPython(t testing.TB, m *Msgpack, p *python, b []byte) []byte {
	t.Helper()
	want, err := m.DecodeAny(b)
	if err != nil || alien(want) {
		return nil
	}
	back := p.repack(t, b)
	got, err := m.DecodeAny(back)
	if err != nil || !equal(got, want) {
		t.Fatalf("%x: Python sends %x back, which is %v, %v; want %v", b, back, got, err, want)
	}
	return back
}

func checkTypeInPython(t testing.TB, m *Msgpack, p *python, seed uint64) {
	r := newTypist(seed, seed%2 == 0)
	v := reflect.New(typeOf(seed))
	r.fill(v.Elem(), 4)
	b, err := m.Append(nil, v.Interface())
	if err != nil {
		return
	}
	back := checkPython(t, m, p, b)
	if back == nil || v.Type() == reflect.TypeFor[*Raw]() {
		return // a Raw that is alone gets all, a nil too
	}
	got := reflect.New(v.Type().Elem())
	if err := m.Decode(back, got.Interface()); err != nil || !comesOf(v.Elem(), got.Elem()) {
		t.Fatalf("seed %d, %T: %x came back from Python as %x, %+v, %v; want %+v", seed, v.Interface(), b, back, got.Elem(), err, v.Elem())
	}
}

func TestPython(t *testing.T) {
	p := startPython(t)
	var m Msgpack
	for _, row := range golden() {
		if len(row.wire) < 300 {
			checkPython(t, &m, p, row.wire)
		}
	}
	for seed := range uint64(300) {
		checkTypeInPython(t, &m, p, seed)
	}
}

// FuzzPython has u-msgpack read what Append makes of plain values and of values
// of random types, and reads what comes back.
func FuzzPython(f *testing.F) {
	p := startPython(f)
	for i, b := range corpus() {
		f.Add(uint64(i), b)
	}
	var m Msgpack
	f.Fuzz(func(t *testing.T, seed uint64, b []byte) {
		checkTypeInPython(t, &m, p, seed)
		v, err := m.DecodeAny(b)
		if err != nil {
			return
		}
		if b, err = m.Append(nil, v); err != nil {
			t.Fatal(err)
		}
		checkPython(t, &m, p, b)
	})
}
