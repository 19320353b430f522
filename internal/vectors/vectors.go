// Package vectors holds tests of this library and of clients in other languages to the same
// bytes. A file has a line for each vector: a name, a space, and the bytes in hexadecimal.
package vectors

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Vector is bytes with a name that has no spaces.
type Vector struct {
	Name  string
	Bytes []byte
}

// updateVar is the variable of the environment with which Check writes files instead.
const updateVar = "PACKETMQ_UPDATE_VECTORS"

// Check fails t if a file does not have exactly these vectors. With PACKETMQ_UPDATE_VECTORS in
// the environment it writes the file.
func Check(t testing.TB, path string, vs []Vector) {
	t.Helper()
	want := text(vs)
	if os.Getenv(updateVar) != "" {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what this library writes; if that is meant to have changed, run the test with %s=1\nit has\n%swant\n%s", path, updateVar, got, want)
	}
}

func text(vs []Vector) string {
	var b strings.Builder
	for _, v := range vs {
		b.WriteString(v.Name + " " + hex.EncodeToString(v.Bytes) + "\n")
	}
	return b.String()
}
