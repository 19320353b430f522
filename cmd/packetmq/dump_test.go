package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/capture"
	"github.com/packetmq/packetmq/cmd/packetmq/testdata/chat"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/command/commandtest"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// record makes a capture of a server to which two lines were said.
func record(t *testing.T) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "chat.pmqcap")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rec := capture.New(f, capture.Config{})
	srv := newServer(t, registry.New(), &peer.Config{Engine: &engine.Config{Tap: rec}})
	c := newClient(t, listen(t, srv, "tcp://127.0.0.1:0"))
	back := make(chan int64, 2)
	peer.Handle(c.Peer(), chat.Said, func(_ *peer.Conn, l *chat.Line) error { back <- l.Count; return nil })
	for n := range int64(2) {
		if err := peer.Send(c, chat.Say, &chat.Line{Text: "hello", Count: 1<<53 + 2*n}); err != nil {
			t.Fatal(err)
		}
		await.Value(t, "the answer", back)
	}
	c.Peer().Close()
	srv.Close()
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestDumpUsage(t *testing.T) {
	for _, test := range []struct {
		line           string
		code           int
		stdout, stderr string
	}{
		{"dump", 2, "", "accepts 1 arg(s)"},
		{"dump --help", 0, "packetmq dump FILE", ""},
		{"dump x --pcap y --json", 2, "", "it goes with no other flag"},
		{"dump nowhere.pmqcap", 1, "", "nowhere.pmqcap"},
		{"dump main.go", 1, "", "capture: not a capture"},
	} {
		commandtest.Check(t, program{}, test.line, test.code, test.stdout, test.stderr)
	}
}

func TestDump(t *testing.T) {
	file := record(t)
	code, out, stderr := execute(t, "dump", file)
	if code != 0 || stderr != "" {
		t.Fatalf("code %d, %s", code, stderr)
	}
	for _, want := range []string{
		" opened conn 1 tcp ", " input conn 1 ", " closed conn 1",
		"  <- packetmq:handshake_init {\"version\":1,",
		"  <- chat:say {\"Text\":\"hello\",\"Count\":9007199254740992}\n",
		"  -> chat:said {\"Text\":\"hello\",\"Count\":9007199254740993}\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("there is no %q in:\n%s", want, out)
		}
	}

	_, out, _ = execute(t, "dump", file, "--packet", "chat:*", "--conn", "1")
	if lines := strings.Split(strings.TrimSpace(out), "\n"); len(lines) != 4 || !strings.HasSuffix(lines[3], ` conn 1 -> chat:said {"Text":"hello","Count":9007199254740995}`) {
		t.Errorf("the packets are\n%s", out)
	}
	if code, out, _ = execute(t, "dump", file, "--conn", "9"); code != 0 || out != "" {
		t.Errorf("of another conn: code %d, %s", code, out)
	}
}

func TestDumpJSON(t *testing.T) {
	code, out, stderr := execute(t, "dump", record(t), "--json", "--packet", "*:said")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != 0 || len(lines) != 2 {
		t.Fatalf("code %d, %s%s", code, out, stderr)
	}
	var r dumpedRecord
	if err := json.Unmarshal([]byte(lines[0]), &r); err != nil {
		t.Fatal(err)
	}
	if r.Kind != "output" || r.Conn != 1 || len(r.Packets) != 1 || r.Packets[0].Direction != "sent" ||
		string(r.Packets[0].Value) != `{"Text":"hello","Count":9007199254740993}` {
		t.Errorf("the record is %s", lines[0])
	}
}

// What is sound of a file whose end is missing is shown.
func TestDumpOfAFileThatIsCutShort(t *testing.T) {
	whole, err := os.ReadFile(record(t))
	if err != nil {
		t.Fatal(err)
	}
	code, out, stderr := executeWith(t.Context(), string(whole[:len(whole)-5]), "dump", "-")
	if code != 1 || !strings.Contains(out, "chat:said") || !strings.Contains(stderr, "capture: record at byte ") {
		t.Errorf("code %d, %s%s", code, out, stderr)
	}
}

func TestDumpForWireshark(t *testing.T) {
	file := record(t)
	to := filepath.Join(t.TempDir(), "chat.pcap")
	if code, _, stderr := execute(t, "dump", file, "--pcap", to); code != 0 {
		t.Fatalf("code %d, %s", code, stderr)
	}
	written, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	code, out, stderr := execute(t, "dump", file, "--pcap", "-")
	if code != 0 || !bytes.Equal([]byte(out), written) || !bytes.Contains(written, []byte("chat:said")) {
		t.Errorf("code %d, %d and %d bytes, %s", code, len(out), len(written), stderr)
	}
}
