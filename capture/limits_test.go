package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
)

func TestAtMaxBytesTheCaptureEnds(t *testing.T) {
	leak.Check(t)
	const most = 8 << 10
	w := startWorld(t, Config{MaxBytes: most}, nil)
	c := w.connect(t, nil)
	for i := 0; w.rec.Stats().Err == nil; i++ {
		c.say(t, fmt.Sprint("line ", i, strings.Repeat(".", 100)))
	}
	c.say(t, "the server goes on")
	if err := w.rec.Close(); err != ErrFull || w.rec.Stats().Err != ErrFull {
		t.Errorf("it ended with %v", err)
	}
	all := w.records(t)
	if last := all[len(all)-1]; last.Kind != Stop || last.Name != "full" {
		t.Errorf("the last record is %v", last)
	}
	if n := len(w.file.bytes()); n > most || n < most/2 {
		t.Errorf("the file has %d bytes", n)
	}
}

func TestFilesGoOnAndTheLastAreKept(t *testing.T) {
	leak.Check(t)
	prefix := filepath.Join(t.TempDir(), "game-")
	files := NewFiles(prefix, 2)
	rec := New(files, Config{MaxBytes: 8 << 10})
	w := startWorld(t, Config{}, func(w *world, pc *peer.Config) {
		pc.Engine.Tap = rec
	})
	c := w.connect(t, nil)
	for range 100 { // 100 KiB: a dozen files
		c.say(t, strings.Repeat("x", 500))
	}
	w.end(t)
	if err := errors.Join(rec.Close(), files.Close()); err != nil {
		t.Fatal(err)
	}
	kept, _ := filepath.Glob(prefix + "*")
	if len(kept) != 2 {
		t.Errorf("these are kept: %q", kept)
	}
	last := kept[len(kept)-1]
	r, closer, err := OpenFile(last)
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	if first, err := r.Next(); err != nil || first.Kind != Opened || !first.Continued || first.Conn != 1 {
		t.Errorf("the last file begins with %v, %v", first, err)
	}
	file, _ := os.ReadFile(last)
	if _, err := Play(bytes.NewReader(file), played(""), nil); err != ErrContinued {
		t.Errorf("it is played with %v", err)
	}
}

func TestFilesOfAProgramBeforeAreNotWrittenOver(t *testing.T) {
	prefix := filepath.Join(t.TempDir(), "game-")
	for _, run := range []string{"first", "second", "third"} {
		f := NewFiles(prefix, 2)
		if _, err := f.Write([]byte(run)); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	kept, _ := filepath.Glob(prefix + "*")
	if want := []string{prefix + "000002.pmqcap", prefix + "000003.pmqcap"}; !slices.Equal(kept, want) {
		t.Fatalf("these are kept: %q", kept)
	}
	if b, _ := os.ReadFile(kept[0]); string(b) != "second" {
		t.Errorf("the second one has %q", b)
	}
}

// stuck is a writer that waits before it writes anything.
type stuck struct {
	buffer
	release chan struct{}
}

func (s *stuck) Write(b []byte) (int, error) {
	<-s.release
	return s.buffer.Write(b)
}

func TestAFullBufferDropsRecordsAndNoLoopWaits(t *testing.T) {
	leak.Check(t)
	file := &stuck{release: make(chan struct{})}
	reg, _, _ := testRegistry(false, 20)
	rec := New(file, Config{Buffer: 1, Registry: reg}) // the least that there is
	w := startWorld(t, Config{}, func(_ *world, pc *peer.Config) { pc.Engine.Tap = rec })
	c := w.connect(t, nil)
	for rec.Stats().Dropped == 0 {
		c.say(t, strings.Repeat("x", 5000))
	}
	close(file.release)
	for i := 0; !bytes.Contains(file.bytes(), []byte("another")); i++ { // the writer has to catch up first
		d := w.connect(t, nil)
		peer.Send(d.conn, d.login, &login{Name: "another", Password: "lovelace"})
		await.Value(t, "greeting", d.got)
		peer.Send(c.conn, c.login, &login{Name: "missing", Password: "lovelace"})
		await.Value(t, "greeting", c.got)
		d.Close()
	}
	w.end(t)
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	if b := file.bytes(); bytes.Contains(b, []byte("lovelace")) || bytes.Contains(b, []byte("missing")) {
		t.Error("bytes that come after dropped ones of the same conn are in the file")
	}
	kinds := make(map[Kind]int)
	for _, rec := range recordsOf(t, file.bytes()) {
		kinds[rec.Kind]++
	}
	if kinds[Gap] == 0 || kinds[Stop] != 1 {
		t.Errorf("records are %v", kinds)
	}
	if _, err := Play(bytes.NewReader(file.bytes()), played(""), nil); err != ErrGap {
		t.Errorf("it is played with %v", err)
	}
}

func TestRecordsDroppedAtTheEndAreAGapToo(t *testing.T) {
	leak.Check(t)
	file := &stuck{release: make(chan struct{})}
	rec := New(file, Config{Buffer: 1})
	v := engine.NewVirtual(&engine.Config{Tap: rec})
	for rec.Stats().Dropped < 3 {
		rec.Fired(v.Reactor().Loops()[0], 1)
	}
	v.Close()
	close(file.release)
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	all := recordsOf(t, file.bytes())
	if gap := all[len(all)-2]; gap.Kind != Gap || gap.N != 3 {
		t.Errorf("before the end there is %v", gap)
	}
}

func TestAFailingWriterEndsTheCaptureOnly(t *testing.T) {
	leak.Check(t)
	bad := errors.New("disk is on fire")
	rec := New(failing{bad}, Config{})
	w := startWorld(t, Config{}, func(_ *world, pc *peer.Config) { pc.Engine.Tap = rec })
	c := w.connect(t, nil)
	await.True(t, "the capture has ended", func() bool { return rec.Stats().Err == bad })
	c.say(t, "the server goes on")
	w.end(t)
	if err := rec.Close(); err != bad {
		t.Errorf("Close returns %v", err)
	}
	if err := rec.Close(); err != ErrClosed {
		t.Errorf("the second Close returns %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

var _ io.Writer = failing{}
