package peer

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/packetmq/packetmq/engine"
)

// blocked has p's first loop in a callback until release is called.
func blocked(t *testing.T, p *Peer) (release func()) {
	t.Helper()
	in, out := make(chan struct{}), make(chan struct{})
	p.Reactor().Post(func() { close(in); <-out })
	wait(t, "callback", in)
	release = sync.OnceFunc(func() { close(out) })
	t.Cleanup(release)
	return release
}

// A Connect beside a busy loop, its own or the server's, is over with its
// context, and what comes of it later is not reported as made.
func TestConnectBesideABusyLoop(t *testing.T) {
	for _, whose := range []string{"client", "server"} {
		t.Run(whose, func(t *testing.T) {
			everywhere(t, nil, func(t *testing.T, w *world) {
				busy := w.client
				if whose == "server" {
					busy = w.server.Peer
				}
				release := blocked(t, busy)
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
				defer cancel()
				if _, err := w.connect(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Connect: %v", err)
				}
				release()
				eventually(t, "no conn is left", func() bool {
					return w.client.Reactor().Conns() == 0 && w.server.Reactor().Conns() == 0
				})
				for len(w.c.events) > 0 {
					if e := <-w.c.events; e.what == "made" {
						t.Error("the client was told of a conn")
					}
				}
			})
		})
	}
}

// Close and Shutdown of the client end a Connect that waits, at once: over a
// transport where nobody answers, and for a loop that is busy.
func TestCloseEndsConnect(t *testing.T) {
	ends := map[string]func(p *Peer){
		"Close":    func(p *Peer) { p.Close() },
		"Shutdown": func(p *Peer) { p.Shutdown(context.Background()) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			everywhere(t, nil, func(t *testing.T, w *world) {
				release := blocked(t, w.server.Peer)
				connected := make(chan error, 1)
				go func() {
					ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
					defer cancel()
					_, err := w.connect(ctx)
					connected <- err
				}()
				eventually(t, "begin", func() bool {
					w.client.mu.Lock()
					defer w.client.mu.Unlock()
					return w.client.nextID > 0
				})
				ended := make(chan struct{})
				go func() { defer close(ended); end(w.client) }()
				if err := wait(t, "end of Connect", connected); !errors.Is(err, ErrClosed) {
					t.Errorf("Connect: %v", err)
				}
				release()
				wait(t, name, ended)
			})
		})
	}
}

// silent accepts in the kernel and says nothing.
func silent(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln.Addr().String()
}

// Nothing that a client has begun outlives it: the harness looks for what is
// left.
func TestCloseEndsWhatAClientHasBegun(t *testing.T) {
	for name, begin := range map[string]func(t *testing.T, c *Client){
		"ConnectAsync":          func(t *testing.T, c *Client) { c.ConnectAsync(silent(t)) },
		"ConnectAsync over TLS": func(t *testing.T, c *Client) { c.ConnectAsync("tls://" + silent(t)) },
		"a reconnection": func(t *testing.T, c *Client) {
			c.ConnectAsync(closedPort(t))
			eventually(t, "timer", func() bool {
				c.mu.Lock()
				defer c.mu.Unlock()
				return len(c.reconnectTimers) > 0
			})
		},
	} {
		for _, shared := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				r := engine.New(nil)
				run(t, NewServer(newSide(false, 17, 18).reg, &Config{Reactor: r}).Peer)
				t.Cleanup(func() { r.Close() })
				c := newSide(true, 40, 41)
				c.cfg.Reconnect = &Backoff{Min: time.Hour, Max: time.Hour}
				c.cfg.Connect = time.Hour
				if shared {
					c.cfg.Reactor = r
				}
				client := NewClient(c.reg, &c.cfg)
				if !shared {
					run(t, client.Peer)
				}
				begin(t, client)
				client.Close()
				client.mu.Lock()
				defer client.mu.Unlock()
				if len(client.reconnectTimers) != 0 {
					t.Error("a timer is left")
				}
			})
		}
	}
}

// Those who hold places and say nothing do not keep those out who mean it.
func TestSilentConnsKeepNobodyOut(t *testing.T) {
	for _, name := range []string{"tcp", "unix", "tls"} {
		t.Run(name, func(t *testing.T) {
			s, c := newSide(false, 17, 18), newSide(true, 40, 41)
			s.cfg.HalfOpen, s.cfg.Handshake = 16, time.Hour
			s.cfg.OnMade, s.cfg.OnLost, c.cfg.OnMade, c.cfg.OnLost = nil, nil, nil, nil
			accepted := make(chan struct{}, 1)
			s.cfg.OnOpen = func(*Conn) {
				select {
				case accepted <- struct{}{}:
				default:
				}
			}
			w := transports[name](t, s, c)
			var ln *engine.Listener
			for ln = range w.server.listeners {
			}
			var stop atomic.Bool
			var wg sync.WaitGroup
			for range 32 {
				wg.Go(func() {
					for !stop.Load() {
						nc, err := net.Dial(ln.Addr().Network(), ln.Addr().String())
						if err != nil { // as its backlog is full
							select {
							case <-accepted:
							case <-w.server.Reactor().Done():
							}
							continue
						}
						nc.SetDeadline(time.Now().Add(patience))
						for b := make([]byte, 64); err == nil; _, err = nc.Read(b) {
						}
						nc.Close()
					}
				})
			}
			eventually(t, "flood", func() bool { return w.server.Stats().Refused[ErrHalfOpen.Error()] > 0 })
			for range 10 {
				conn, err := w.connect(t.Context())
				if err != nil {
					t.Errorf("an honest client: %v", err)
					continue
				}
				conn.Abort(nil)
			}
			stop.Store(true)
			w.server.Close() // which ends those that wait
			wg.Wait()
		})
	}
}

// Many who come at once are all let in, however few places there are for
// handshakes. On a machine that is busy one may say nothing for so long that it has to
// make room; it comes back then, as clients do.
func TestManyClientsAtOnce(t *testing.T) {
	for _, name := range []string{"tcp", "tls"} {
		t.Run(name, func(t *testing.T) {
			s, c := newSide(false, 17, 18), newSide(true, 40, 41)
			s.cfg.HalfOpen = 32
			s.cfg.OnMade, s.cfg.OnLost, c.cfg.OnMade, c.cfg.OnLost = nil, nil, nil, nil
			s.cfg.Handshake, c.cfg.Handshake, c.cfg.Connect = patience, patience, patience
			w := transports[name](t, s, c)
			var wg sync.WaitGroup
			var failed atomic.Int32
			const clients = 100
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			for range clients {
				wg.Go(func() {
					_, err := w.connect(ctx)
					for err != nil && ctx.Err() == nil {
						_, err = w.connect(ctx)
					}
					if err != nil {
						failed.Add(1)
						t.Log(err)
					}
				})
			}
			wg.Wait()
			if n := failed.Load(); n > 0 {
				t.Errorf("%d of %d were not let in", n, clients)
			}
		})
	}
}

// Serve takes listeners of the program's, and does their TLS handshakes.
func TestServe(t *testing.T) {
	ca := newCA(t)
	for name, scheme := range map[string]string{"tcp": "", "tls": "tls://"} {
		t.Run(name, func(t *testing.T) {
			s, c := newSide(false, 17, 18), newSide(true, 40, 41)
			c.cfg.TLS = ca.client(t)
			own, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			addr := scheme + own.Addr().String()
			if scheme != "" {
				own = tlsListener(own, ca.server(t))
			}
			server := NewServer(s.reg, &s.cfg)
			run(t, server.Peer)
			ln, err := server.Serve(own)
			if err != nil {
				t.Fatal(err)
			}
			client := NewClient(c.reg, &c.cfg)
			run(t, client.Peer)
			if _, err := client.Connect(t.Context(), addr); err != nil {
				t.Fatal(err)
			}
			e := s.next(t, "made")
			if (e.conn.TLS() != nil) != (scheme != "") {
				t.Errorf("TLS() = %v", e.conn.TLS())
			}
			ln.Close()
			if _, err := client.Connect(t.Context(), addr); err == nil {
				t.Error("connected after the listener was closed")
			}
		})
	}
	if _, err := NewServer(newSide(false, 17, 18).reg, nil).Serve(nil); err == nil {
		t.Error("Serve took nil")
	}
}

func TestConnectHeedsItsContextWhileTheReactorStands(t *testing.T) {
	s, c := newSide(false, 17, 18), newSide(true, 40, 41)
	server := NewServer(s.reg, &s.cfg)
	ln, _ := server.Listen("127.0.0.1:0")
	run(t, server.Peer)
	client := NewClient(c.reg, &c.cfg)
	run(t, client.Peer)
	client.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := client.Connect(ctx, ln.Addr().String()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Connect of a stopped client: %v", err)
	}
}

func TestServerOnSeveralPorts(t *testing.T) {
	s := newSide(false, 17, 18)
	server := NewServer(s.reg, &s.cfg)
	var addrs []string
	for range 3 {
		ln, err := server.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addrs = append(addrs, ln.Addr().String())
	}
	run(t, server.Peer)
	for _, addr := range addrs {
		c := newSide(true, 40, 41)
		client := NewClient(c.reg, &c.cfg)
		run(t, client.Peer)
		if _, err := client.Connect(t.Context(), addr); err != nil {
			t.Fatal(err)
		}
		s.next(t, "made")
	}
	if n := server.NumConns(); n != 3 {
		t.Errorf("%d conns", n)
	}
}
