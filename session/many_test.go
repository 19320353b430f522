package session

import (
	"flag"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

var many = flag.Int("session.many", 10000, "so many sessions in the test that cuts all conns at once; 300 with -short")

// Sessions whose conns are all cut at once come back, spread over the time of the back-off, and
// nothing is lost or doubled.
func TestAllConnsAreCut(t *testing.T) {
	leak.Check(t)
	n, each := *many, 4
	if testing.Short() || raceEnabled {
		n = min(n, 300)
	}
	p := newPair(t, Config{Service: Service{Sessions: n}})
	var handled, wrong atomic.Int64
	all := make(chan struct{})
	peer.Handle(p.server, news, func(c *peer.Conn, v *note) error {
		s := Of(c)
		next, _ := s.Data().(int)
		if v.N != next {
			wrong.Add(1)
		}
		s.SetData(next + 1)
		if handled.Add(1) == int64(n*2*each) {
			close(all)
		}
		return nil
	})
	go func() {
		for range p.fresh { // nobody else reads it
		}
	}()
	t.Cleanup(func() { close(p.fresh) })
	dial := p.dialer(t, n > 4000, &peer.Config{ // as many descriptors as that take may not be had
		Reconnect: &peer.Backoff{Min: time.Duration(n) * 100 * time.Microsecond}, // varied by a quarter
		Times:     peer.Times{Handshake: time.Minute, Connect: time.Minute},
	})
	sessions := make([]*Session, n)
	var backs atomic.Int64
	back := make(chan struct{})
	var dials sync.WaitGroup
	for w := range 32 {
		dials.Go(func() {
			for i := w; i < n; i += 32 {
				s, err := dial(&Config{OnBack: func(*Session, time.Duration) {
					if backs.Add(1) == int64(n) {
						close(back)
					}
				}})
				if err != nil {
					t.Error(err)
					return
				}
				sessions[i] = s
			}
		})
	}
	dials.Wait()
	if t.Failed() {
		return
	}
	sendAll := func(from int) {
		for _, s := range sessions {
			for k := range each {
				send(t, s, from+k)
			}
		}
	}
	sendAll(0)
	began := time.Now()
	for s := range p.sessions.All() {
		s.Conn().Abort(errCut)
	}
	sendAll(each)
	await.Value(t, "return of all", back)
	took := time.Since(began)
	await.Value(t, "last packet", all)
	t.Logf("%d sessions were back %v after the cut, %d packets came, %d out of order", n, took, handled.Load(), wrong.Load())
	if handled.Load() != int64(2*n*each) || wrong.Load() != 0 {
		t.Errorf("%d packets came, want %d, and %d were out of order", handled.Load(), 2*n*each, wrong.Load())
	}
}

// dialer returns what makes sessions at the server, over TCP or in memory.
func (p *pair) dialer(t *testing.T, memory bool, cfg *peer.Config) func(*Config) (*Session, error) {
	t.Helper()
	reg := registry.NewAdapting()
	reg.MustAdd(news, plain)
	if memory {
		cli := peer.NewMemoryClient(reg, cfg)
		cli.RunAsync()
		t.Cleanup(func() { cli.Close() })
		return func(c *Config) (*Session, error) { return DialMemory(t.Context(), cli, p.server, c) }
	}
	ln, err := p.server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cli := peer.NewClient(reg, cfg)
	cli.RunAsync()
	t.Cleanup(func() { cli.Close() })
	return func(c *Config) (*Session, error) { return Dial(t.Context(), cli, "tcp://"+ln.Addr().String(), c) }
}
