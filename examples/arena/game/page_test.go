package game

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/session"
	"github.com/packetmq/packetmq/websocket"
)

// servedPage starts an arena with its page.
func servedPage(t *testing.T, client string) (*arena, *httptest.Server) {
	t.Helper()
	leak.Check(t)
	a := newArena(arenaConfig{key: newKey(), hz: testHz, seats: 3}, new(peer.Config))
	t.Cleanup(func() { a.Close() })
	if err := a.RunAsync(); err != nil {
		t.Fatal(err)
	}
	hs := httptest.NewServer(a.page(client))
	t.Cleanup(hs.Close)
	return a, hs
}

func get(t *testing.T, hs *httptest.Server, path string) (status int, kind, body string) {
	t.Helper()
	r, err := hs.Client().Get(hs.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, r.Header.Get("Content-Type"), string(b)
}

// The page says what to do as long as the client is not built.
func TestThePageWantsABuiltClient(t *testing.T) {
	dir := t.TempDir()
	_, hs := servedPage(t, dir)
	if status, _, body := get(t, hs, "/"); status != http.StatusServiceUnavailable || !strings.Contains(body, "make ts") {
		t.Errorf("without a client: %d, %q", status, body)
	}
	if err := os.MkdirAll(filepath.Join(dir, "dist"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "dist", "index.js"), []byte("export {}"), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/": "text/html", "/arena.js": "text/javascript", "/style.css": "text/css", "/client/index.js": "text/javascript"} {
		if status, kind, body := get(t, hs, path); status != http.StatusOK || !strings.HasPrefix(kind, want) || body == "" {
			t.Errorf("%s: %d, %s, %d bytes", path, status, kind, len(body))
		}
	}
	if status, _, _ := get(t, hs, "/client/../../page.go"); status == http.StatusOK {
		t.Error("the page serves files beside the client")
	}
}

// A person is given a token for a name, and plays with it over WebSocket.
func TestAPersonLogsInAndPlays(t *testing.T) {
	a, hs := servedPage(t, t.TempDir())
	login := func(name string) (int, []byte) {
		r, err := hs.Client().Post(hs.URL+"/login", "text/plain", strings.NewReader(name))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, b
	}
	for _, name := range []string{"", "bot7", "arena", "a b", strings.Repeat("x", maxName+1), "<b>"} {
		if status, _ := login(name); status != http.StatusBadRequest {
			t.Errorf("%q: %d", name, status)
		}
	}
	status, token := login("ann")
	if status != http.StatusOK {
		t.Fatalf("ann: %d", status)
	}
	entered := make(chan error, 1)
	cfg := botConfig{name: "ann", room: "red", token: token, hz: testHz, entered: func(err error) { entered <- err }}
	cli := peer.NewClient(withPackets(registry.NewAdapting()), cfg.peerConfig(nil))
	t.Cleanup(func() { cli.Close() })
	if err := websocket.Enable(cli, nil); err != nil {
		t.Fatal(err)
	}
	b := newBot(cli, cfg)
	if err := cli.RunAsync(); err != nil {
		t.Fatal(err)
	}
	if err := cli.ConnectAsync("ws"+strings.TrimPrefix(hs.URL, "http")+"/play", session.Over(b.session)); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-entered:
		if err != nil || a.NumConns() != 1 {
			t.Errorf("ann cannot enter: %v; there are %d conns", err, a.NumConns())
		}
	case <-time.After(20 * time.Second):
		t.Fatal("ann does not enter")
	}
}
