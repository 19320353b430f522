package capture

// Files: the files of a capture that goes on for long, of which the last ones are kept.

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Files writes a capture into files one after the other, each of Config.MaxBytes: prefix with
// 000001, 000002 and so on, and .pmqcap. It goes on after the files that a program before has
// left, and removes the oldest when there are more than keep. A file begins with the conns that are open then; what they have told each other
// before is in the file before, so only what begins with the program can be replayed.
type Files struct {
	prefix string
	keep   int
	n      int
	f      *os.File
}

// NewFiles makes a Files. A keep below 1 means all.
func NewFiles(prefix string, keep int) *Files {
	return &Files{prefix: prefix, keep: keep, n: lastNumber(prefix)}
}

// lastNumber is that of the last file that is there, 0 if there is none.
func lastNumber(prefix string) (last int) {
	dir, base := filepath.Split(prefix)
	entries, _ := os.ReadDir(filepath.Clean(dir))
	for _, e := range entries {
		number, isOurs := strings.CutPrefix(e.Name(), base)
		number, isCapture := strings.CutSuffix(number, ".pmqcap")
		if n, err := strconv.Atoi(number); isOurs && isCapture && err == nil {
			last = max(last, n)
		}
	}
	return last
}

func (f *Files) name(n int) string { return fmt.Sprintf("%s%06d.pmqcap", f.prefix, n) }

// Write implements io.Writer.
func (f *Files) Write(b []byte) (int, error) {
	if f.f == nil {
		file, err := os.OpenFile(f.name(f.n+1), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) // it has what users said
		if err != nil {
			return 0, err
		}
		f.f = file
		f.n++
		if f.keep > 0 && f.n > f.keep {
			os.Remove(f.name(f.n - f.keep))
		}
	}
	return f.f.Write(b)
}

// Rotate implements Rotator.
func (f *Files) Rotate() error { return f.Close() }

// Close closes the file. It is called after the Recorder's Close.
func (f *Files) Close() error {
	if f.f == nil {
		return nil
	}
	err := f.f.Close()
	f.f = nil
	return err
}
