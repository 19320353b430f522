package registry

import (
	"regexp"
	"strings"
	"testing"
)

func TestName(t *testing.T) {
	tests := []struct {
		name string
		ok   bool
	}{
		{"app:packet", true},
		{"a:b", true},
		{"!:~", true},
		{NameInit, true},
		{"a:" + strings.Repeat("b", 126), true},
		{"a:" + strings.Repeat("b", 127), false},
		{strings.Repeat("b", 126) + ":a", true},
		{"", false},
		{":", false},
		{"app", false},
		{"app:", false},
		{":packet", false},
		{"a:b:c", true},
		{"a::b", true},
		{"a:b:", true},
		{"a:::", true},
		{"::b", false},
		{"a b:c", true},
		{"a:b ", true},
		{" a : b ", true},
		{" : ", true},
		{"a:b\t", false},
		{"a:b\n", false},
		{"a:b\x00", false},
		{"a:b\x7f", false},
		{"é:b", false},
		{"a:\xff", false},
	}
	for _, tt := range tests {
		err := checkName(tt.name)
		if (err == nil) != tt.ok {
			t.Errorf("checkName(%q) = %v, want ok %v", tt.name, err, tt.ok)
		}
		if err != nil && !as[*NameError](err) {
			t.Errorf("checkName(%q) gave a %T", tt.name, err)
		}
	}
}

func TestNameErrorIsShort(t *testing.T) {
	err := checkName(strings.Repeat("x", 1<<20))
	if n := len(err.Error()); n > 300 {
		t.Errorf("the error has %d bytes", n)
	}
}

// The wire fixes these.
func TestInternalPackets(t *testing.T) {
	want := []Entry{
		{"packetmq:handshake_init", 0},
		{"packetmq:softquit", 1},
		{"packetmq:handshake_pubids", 2},
		{"packetmq:handshake_finish", 3},
	}
	got := New().Table().IDs()
	if len(got) != len(want) {
		t.Fatalf("a new registry has %v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("packet %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func FuzzName(f *testing.F) {
	for _, name := range []string{"app:packet", "a:b:c", ":b", "a:", "", "packetmq:x", "a b:c", "é:b", strings.Repeat("a:", 70)} {
		f.Add(name)
	}
	valid := regexp.MustCompile(`\A[ -9;-~]+:[ -~]+\z`)
	f.Fuzz(func(t *testing.T, name string) {
		r := New()
		before := r.Table()
		ty, err := r.AddObject(name, 16, nil)
		if want := valid.MatchString(name) && len(name) <= 128 && !strings.HasPrefix(name, "packetmq:"); (err == nil) != want {
			t.Fatalf("Add(%q) = %v, want ok %v", name, err, want)
		}
		verify(t, r.Table())
		if err != nil {
			if !as[*NameError](err) {
				t.Fatalf("Add(%q) gave a %T", name, err)
			}
			if len(err.Error()) > 800 {
				t.Fatalf("the error for %d bytes has %d", len(name), len(err.Error()))
			}
			if r.Table() != before {
				t.Fatal("a failed Add changed the table")
			}
			return
		}
		if got, err := r.Lookup(name); got != ty || err != nil {
			t.Fatalf("Lookup(%q) = %v, %v", name, got, err)
		}
	})
}
