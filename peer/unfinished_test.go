package peer

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
)

// Conns that send all of a large frame but its last byte are bounded together:
// those of them that came first end, and those who finish what they begin go on.
func TestUnfinishedFramesAreBoundedInTotal(t *testing.T) {
	const bound, attackers, size = 4 << 20, 60, 200 << 10
	for _, name := range []string{"tcp", "unix", "tls"} {
		t.Run(name, func(t *testing.T) {
			s, c := newSide(false, 17, 18), newSide(true, 17, 18)
			s.cfg.SkipHandshake, c.cfg.SkipHandshake = true, true
			s.cfg.FrameTime = time.Hour
			s.cfg.Engine = &engine.Config{MaxTotalInput: bound}
			s.cfg.OnMade, c.cfg.OnMade = nil, nil
			ended := make(chan error, attackers+1)
			s.cfg.OnLost = func(_ *Conn, err error) { ended <- err }
			w := transports[name](t, s, c)
			polite, err := w.connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got := inbox(t, w.server, s.ping, 1)
			var ln *engine.Listener
			for ln = range w.server.listeners {
			}
			frame := codec.AppendFrame(nil, 17, make([]byte, size))
			var wg sync.WaitGroup
			for range attackers {
				var nc net.Conn
				if name == "tls" {
					nc, err = tls.Dial("tcp", ln.Addr().String(), c.cfg.TLS)
				} else {
					nc, err = net.Dial(ln.Addr().Network(), ln.Addr().String())
				}
				if err != nil {
					t.Fatal(err)
				}
				defer nc.Close()
				nc.SetDeadline(time.Now().Add(patience))
				wg.Go(func() { nc.Write(frame[:len(frame)-1]) })
			}
			for range attackers - bound/size { // at most so many are kept
				if err := wait(t, "end", ended); !errors.Is(err, engine.ErrInput) {
					t.Fatalf("a conn ended with %v", err)
				}
			}
			wg.Wait()
			if err := polite.Untyped().Send("test:ping", note{1, string(make([]byte, 300<<10))}); err != nil {
				t.Fatal(err)
			}
			if n := wait(t, "ping", got); n.N != 1 {
				t.Errorf("got %d", n.N)
			}
		})
	}
}
