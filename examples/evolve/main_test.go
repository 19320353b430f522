package main

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/leak"
)

const printed = `server: a client of version 1.0, which can wave: false
server: a client of version 2.0, which can wave: true
client 2.0: moves to 3, 4
client 2.0: waves to everybody
client 2.0: begins the hill
client 1.0: moves to 3, 4
`

// lockedBuffer is written by the server's loop and by run.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func TestVersions(t *testing.T) {
	leak.Check(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out lockedBuffer
	if err := run(ctx, &out); err != nil {
		t.Fatal(err)
	}
	if got := out.b.String(); got != printed {
		t.Errorf("printed\n%s\nwant\n%s", got, printed)
	}
}
