package peer

import (
	"errors"
	"fmt"
	"math/rand"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/packetmq/packetmq/engine"
)

// A hundred handlers in a row call Goexit, each on a conn of its own, while
// twenty other conns of the same loop echo and check every byte.
func TestGoexitStaysItsOwn(t *testing.T) {
	others, exits := 20, 100
	if testing.Short() || raceEnabled {
		others, exits = 10, 30
	}
	everywhere(t, nil, func(t *testing.T, w *world) {
		Handle(w.server, w.s.ping, func(c *Conn, v *note) error {
			if v.Text == "exit" {
				runtime.Goexit()
			}
			return Reply(c, w.s.pong, v)
		})
		var answers sync.Map // of each conn
		Handle(w.client, w.c.pong, func(c *Conn, v *note) error {
			if ch, ok := answers.Load(c); ok {
				ch.(chan note) <- *v
			}
			return nil
		})
		stop := make(chan struct{})
		var work sync.WaitGroup
		for i := range others {
			_, cc := w.handshake(t)
			ch := make(chan note, 100)
			answers.Store(cc, ch)
			work.Go(func() {
				rnd := rand.New(rand.NewSource(int64(i)))
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					want := note{n, strings.Repeat(fmt.Sprint(n, "."), rnd.Intn(500))}
					if err := Send(cc, w.c.ping, &want); err != nil {
						t.Errorf("conn %d, packet %d: %v", i, n, err)
						return
					}
					if got := wait(t, "echo", ch); got != want {
						t.Errorf("conn %d, packet %d came back as %d, of %d bytes", i, n, got.N, len(got.Text))
						return
					}
				}
			})
		}
		for range exits {
			sc, cc := w.handshake(t)
			Send(cc, w.c.ping, &note{1, "exit"})
			Send(cc, w.c.ping, &note{2, "never answered"})
			e := w.s.next(t, "lost")
			if e.conn != sc || !errors.Is(e.reason, engine.ErrGoexit) || !errors.Is(e.reason, ReasonHandler) {
				t.Fatalf("the server lost %v because of %v", e.conn, e.reason)
			}
			if e := w.c.next(t, "lost"); e.conn != cc || e.reason != ReasonHandler {
				t.Fatalf("the client lost %v because of %v", e.conn, e.reason)
			}
		}
		close(stop)
		work.Wait()
		nothing(t, "loss on the server", w.s.events)
		nothing(t, "loss on the client", w.c.events)
	})
}

func TestGoexitInCallbacks(t *testing.T) {
	for _, in := range []string{"made", "lost", "authenticate", "wrap", "posted"} {
		t.Run(in, func(t *testing.T) {
			setUp := func(s, c *side) {
				switch in {
				case "made":
					s.cfg.OnMade = func(*Conn) { runtime.Goexit() }
				case "lost":
					lost := s.cfg.OnLost
					s.cfg.OnLost = func(c *Conn, r error) { lost(c, r); runtime.Goexit() }
				case "authenticate":
					s.cfg.Authenticate = func(*Conn, Credentials) error { runtime.Goexit(); return nil }
				case "wrap":
					s.cfg.Wrap = func(_ *Conn, tr engine.Transport) engine.Transport { runtime.Goexit(); return tr }
				}
			}
			everywhere(t, setUp, func(t *testing.T, w *world) {
				for range 3 {
					cc, err := w.connect(t.Context())
					if in == "wrap" && w.scheme { // which is before the scheme's handshake, and so nobody is told
						if err == nil {
							t.Error("a conn was made whose Wrap has ended its goroutine")
						}
						continue
					}
					switch {
					case in == "posted":
						sc := w.s.next(t, "made").conn
						sc.post(runtime.Goexit)
					case in == "lost" && err == nil:
						cc.Softquit("reason.bye")
					}
					for wait(t, "loss", w.s.events).what != "lost" {
					}
				}
				eventually(t, "end of the server's conns", func() bool {
					n := 0
					for range w.server.Conns() {
						n++
					}
					return n == 0
				})
				nothing(t, "event", w.s.events)
			})
		})
	}
}
