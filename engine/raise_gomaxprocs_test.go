//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

import (
	"bytes"
	"log/slog"
	"runtime"
	"strings"
	"testing"
)

func TestLoopsLeaveAProcFree(t *testing.T) {
	for name, tc := range map[string]struct {
		env  string
		keep bool
		want int
		line string
	}{
		"by default":     {want: 3, line: "GOMAXPROCS raised"},
		"by option":      {keep: true, want: 2, line: "not more GOMAXPROCS than loops"},
		"by environment": {env: "2", want: 2, line: "not more GOMAXPROCS than loops"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOMAXPROCS", tc.env)
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
			var lines bytes.Buffer
			first, second := New(nil), New(&Config{KeepProcs: tc.keep, Logger: slog.New(slog.NewTextHandler(&lines, nil))})
			for _, r := range []*Reactor{first, second} {
				if err := r.RunAsync(); err != nil {
					t.Fatal(err)
				}
				defer r.Close()
			}
			if got := runtime.GOMAXPROCS(0); got != tc.want {
				t.Errorf("GOMAXPROCS is %d beside two loops, want %d", got, tc.want)
			}
			first.Close()
			second.Close()
			if !strings.Contains(lines.String(), tc.line) {
				t.Errorf("the log does not say %q: %q", tc.line, lines.String())
			}
			if got := runtime.GOMAXPROCS(0); got != 2 {
				t.Errorf("GOMAXPROCS is %d after the last loop, it was 2", got)
			}
		})
	}
}
