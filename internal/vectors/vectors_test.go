package vectors

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recorder is a test that must fail.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, format)
}

func TestCheckComparesWithTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "some", "vectors.txt")
	vs := []Vector{{"one", []byte{1, 0xff}}, {"none", nil}}
	t.Setenv(updateVar, "1")
	Check(t, path, vs)
	t.Setenv(updateVar, "")
	Check(t, path, vs)
	if b, err := os.ReadFile(path); err != nil || string(b) != "one 01ff\nnone \n" {
		t.Errorf("the file has %q, %v", b, err)
	}
	r := &recorder{TB: t}
	vs[0].Bytes[0] = 2
	if Check(r, path, vs); len(r.errors) != 1 || !strings.Contains(r.errors[0], "is not what this library writes") {
		t.Errorf("other bytes: %q", r.errors)
	}
}
