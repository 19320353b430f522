package registry

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
)

type point struct{ X, Y int }

type stringer struct{}

func (*stringer) String() string { return "speaks" }

func TestPrint(t *testing.T) {
	word := "hi"
	other := &Type{name: "app:b"}
	tests := []struct {
		name string
		v    any
		want string
	}{
		{"app:a", "hi", "conn 7: app:a hi\n"},
		{"", "hi", "conn 7: app:b hi\n"},
		{"", 1.5, "conn 7: app:b 1.5\n"},
		{"", nil, "conn 7: app:b <nil>\n"},
		{"", (*point)(nil), "conn 7: app:b <nil>\n"},
		{"", []any{int64(1), "é"}, "conn 7: app:b [1 é]\n"},
		{"", map[string]any{"b": 2, "a": 1}, "conn 7: app:b map[a:1 b:2]\n"},
		{"", &point{1, 2}, "conn 7: app:b {1 2}\n"},
		{"", &word, "conn 7: app:b hi\n"},
		{"", &stringer{}, "conn 7: app:b speaks\n"},
		{"", "two\nlines", "conn 7: app:b \"two\\nlines\"\n"},
		{"", "\x1b[2J", "conn 7: app:b \"\\x1b[2J\"\n"},
		{"", "\xff", "conn 7: app:b \"\\xff\"\n"},
		{"", &word, "conn 7: app:b hi\n"},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		p := &Print{Name: tt.name, W: &out}
		if err := p.OnReceive(&conn{id: 7}, other, tt.v); err != nil {
			t.Error(err)
		}
		if out.String() != tt.want {
			t.Errorf("%#v printed as %q, want %q", tt.v, out.String(), tt.want)
		}
	}
}

// Without a writer it is standard output, as it is at that time.
func TestPrintStdout(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	old := os.Stdout
	os.Stdout = w
	err = new(Print).OnReceive(&conn{id: 1}, &Type{name: "app:a"}, "hi")
	os.Stdout = old
	w.Close()
	var out bytes.Buffer
	if _, rerr := out.ReadFrom(r); err != nil || rerr != nil || out.String() != "conn 1: app:a hi\n" {
		t.Errorf("%q, %v, %v", out.String(), err, rerr)
	}
}

type failing struct{ err error }

func (w failing) Write([]byte) (int, error) { return 0, w.err }

func TestPrintError(t *testing.T) {
	broken := errors.New("broken")
	if err := (&Print{W: failing{broken}}).OnReceive(&conn{}, &Type{}, 1); !errors.Is(err, broken) {
		t.Errorf("OnReceive = %v", err)
	}
}

// Lines of several loops do not mix. bytes.Buffer, which is not safe for
// concurrent use, makes the race detector watch.
func TestPrintConcurrent(t *testing.T) {
	var (
		out   bytes.Buffer
		group sync.WaitGroup
		p     = &Print{Name: "app:a", W: &out}
	)
	const loops, lines = 4, 100
	for id := range uint64(loops) {
		group.Go(func() {
			for range lines {
				if err := p.OnReceive(&conn{id: id}, nil, "value"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	for id := range loops {
		line := "conn " + string(rune('0'+id)) + ": app:a value\n"
		if n := strings.Count(out.String(), line); n != lines {
			t.Errorf("%d lines of conn %d, want %d", n, id, lines)
		}
	}
	if n := strings.Count(out.String(), "\n"); n != loops*lines {
		t.Errorf("%d lines, want %d", n, loops*lines)
	}
}
