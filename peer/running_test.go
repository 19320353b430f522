package peer

import (
	"errors"
	"net"
	"path/filepath"
	"testing"

	"github.com/packetmq/packetmq/internal/leak"
)

// A call that waits for a loop does not wait for one that nobody has started.
func TestConnectBeforeRun(t *testing.T) {
	dial := func(addr string) func(*testing.T, *Peer, *Server) error {
		return func(t *testing.T, client *Peer, server *Server) error {
			if addr == "unix://" {
				addr += filepath.Join(t.TempDir(), "s")
			}
			ln, err := server.Listen(addr)
			if err != nil {
				t.Fatal(err)
			}
			_, err = (&Client{client}).Connect(t.Context(), ln.Addr().Network()+"://"+ln.Addr().String())
			return err
		}
	}
	inject := func(t *testing.T, client *Peer, _ *Server) error {
		near, _ := net.Pipe()
		_, err := (&Client{client}).Inject(t.Context(), near)
		return err
	}
	memory := func(t *testing.T, client *Peer, server *Server) error {
		_, err := (&MemoryClient{client}).Connect(t.Context(), server)
		return err
	}
	for name, test := range map[string]struct {
		idle    string // the side that was not run
		connect func(t *testing.T, client *Peer, server *Server) error
	}{
		"tcp":              {"client", dial("127.0.0.1:0")},
		"tls":              {"client", dial("tls://127.0.0.1:0")},
		"unix":             {"client", dial("unix://")},
		"net.Pipe":         {"client", inject},
		"memory":           {"client", memory},
		"memory, a server": {"server", memory},
	} {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			ca := newCA(t)
			s, c := newSide(false, 17, 18), newSide(true, 40, 41)
			s.cfg.TLS, c.cfg.TLS = ca.server(t), ca.client(t)
			server, client := NewServer(s.reg, &s.cfg), NewClient(c.reg, &c.cfg)
			defer server.Close()
			defer client.Close()
			run := server.RunAsync
			if test.idle == "server" {
				run = client.RunAsync
			}
			if err := run(); err != nil {
				t.Fatal(err)
			}
			failed := make(chan error, 1)
			go func() { failed <- test.connect(t, client.Peer, server) }()
			if err := wait(t, "refusal", failed); !errors.Is(err, ErrNotRunning) {
				t.Errorf("Connect: %v, want ErrNotRunning", err)
			}
		})
	}
}
