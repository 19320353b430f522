package bench

import (
	"io"
	"path/filepath"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/restart"
)

// Another process can take the listeners over, and one that does not go through with it changes
// nothing.
func TestOfferHandOver(t *testing.T) {
	srv, err := newServer(modeRaw, 1, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	if err := srv.RunAsync(); err != nil {
		t.Fatal(err)
	}
	ln, err := srv.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "control")
	offered, err := offerHandOver(path, []*engine.Listener{ln})
	if err != nil {
		t.Fatal(err)
	}
	defer offered.Close()
	next, err := restart.New(&restart.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	sockets, err := next.Take(t.Context())
	if err != nil || len(sockets) != 1 || sockets[0].Addr().String() != ln.Addr().String() {
		t.Errorf("took %v, %v", sockets, err)
	}
	for _, s := range sockets {
		s.Close()
	}
	next.Close()
	if _, err := offerHandOver(path+"/nowhere", nil); err == nil {
		t.Error("a hand-over is offered where nothing can be")
	}
}
