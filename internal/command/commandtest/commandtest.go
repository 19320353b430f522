// Package commandtest checks what a program answers to command lines.
package commandtest

import (
	"context"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/internal/command"
)

// Check runs a command line and looks at its exit code, and at what is in its
// standard output and on its standard error; "" is for nothing at all. The context
// is done already, so that what would run for long ends at once, unless code is 1.
func Check(t *testing.T, p command.Runner, line string, code int, stdout, stderr string) {
	t.Helper()
	t.Run(line, func(t *testing.T) {
		var out, err strings.Builder
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if code == 1 {
			ctx = context.Background()
		}
		got := p.Run(ctx, strings.Fields(line), command.IO{Out: &out, Err: &err})
		if got != code {
			t.Errorf("exit code %d, want %d", got, code)
		}
		if !strings.Contains(out.String(), stdout) || stdout == "" && out.Len() > 0 {
			t.Errorf("standard output is %q, want %q in it", &out, stdout)
		}
		if !strings.Contains(err.String(), stderr) || stderr == "" && err.Len() > 0 {
			t.Errorf("standard error is %q, want %q in it", &err, stderr)
		}
	})
}
