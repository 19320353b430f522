package rate

import (
	"bytes"
	"errors"
	"log/slog"
	"maps"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// The limits of a conn are its own, those of all are shared, and both fill on the reactor's
// clock.
func TestLimitsOfAConnAndOfAll(t *testing.T) {
	l := New(Config{Conn: Limit{PerSecond: 10, Burst: 5}, All: Limit{PerSecond: 10, Burst: 8}})
	w := newWorld(t, l.Middleware())
	one, other := w.connect(), w.connect()
	for _, step := range []struct {
		what string
		wait time.Duration
		conn *peer.Conn
		want int // of 20 packets
	}{
		{"a conn's burst", 0, one, 5},
		{"what is left of all", 0, other, 3},
		{"nothing is left", 0, one, 0},
		{"half a second for all, as much for the conn", 500 * time.Millisecond, one, 5},
		{"the others have nothing of that", 0, other, 0},
		{"a long silence is worth a burst", 5 * time.Second, other, 5},
		{"and no more than all have", 0, one, 3},
	} {
		w.v.Advance(step.wait)
		if got := w.send(step.conn, ping, 20); got != step.want {
			t.Errorf("%s: %d packets passed, want %d", step.what, got, step.want)
		}
	}
	if w.lost != nil {
		t.Errorf("a conn was lost because of %v", w.lost)
	}
}

// With the option With a packet type has a limit of its own, beside that of the others.
func TestLimitOfAPacketType(t *testing.T) {
	l := New(Config{Conn: Limit{PerSecond: 1, Burst: 2}})
	w := newWorld(t)
	w.handle(peer.With(l.Middleware()))
	c := w.connect()
	if pings, pongs := w.send(c, ping, 10), w.send(c, pong, 10); pings != 2 || pongs != 10 {
		t.Errorf("%d of the limited type and %d of the other passed, want 2 and 10", pings, pongs)
	}
}

// Packets over a limit are counted by type, and by the first limit that they met.
func TestStatsCountByTypeAndLimit(t *testing.T) {
	l := New(Config{Conn: Limit{PerSecond: 1, Burst: 5}, All: Limit{PerSecond: 1, Burst: 7}})
	w := newWorld(t, l.Middleware())
	if got := l.Stats(); got.Over != nil || got.Addresses != 0 {
		t.Errorf("at first %+v", got)
	}
	one, other := w.connect(), w.connect()
	w.send(one, ping, 6)
	w.send(one, pong, 3)
	w.send(other, pong, 5)
	want := map[string]Over{"test:ping": {Conn: 1}, "test:pong": {Conn: 3, All: 3}}
	if got := l.Stats().Over; !maps.Equal(got, want) {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

// What becomes of a packet that is over is as Config.Over says.
func TestOver(t *testing.T) {
	var asked []string
	errOwn := errors.New("enough")
	for name, test := range map[string]struct {
		over    func(*peer.Incoming) error
		returns error // what comes back to middleware outside, of the packet that is over
		lost    error
	}{
		"nil":  {nil, ErrLimited, nil},
		"Drop": {Drop, nil, nil},
		"End":  {End("reason.enough"), peer.Reason("reason.enough"), peer.Reason("reason.enough")},
		"a function": {func(in *peer.Incoming) error {
			asked = append(asked, in.Packet().Name())
			return errOwn
		}, errOwn, errOwn},
	} {
		t.Run(name, func(t *testing.T) {
			var back []error
			w := newWorld(t, func(next peer.Next) peer.Next {
				return func(in *peer.Incoming) error {
					err := next(in)
					back = append(back, err)
					return err
				}
			}, New(Config{Conn: Limit{PerSecond: 1, Burst: 1}, Over: test.over}).Middleware())
			c := w.connect()
			if got := w.send(c, ping, 2); got != 1 || len(back) != 2 || back[0] != nil || back[1] != test.returns {
				t.Errorf("%d packets passed, with %v, want 1 and then %v", got, back, test.returns)
			}
			if !errors.Is(w.lost, test.lost) {
				t.Errorf("lost because of %v, want %v", w.lost, test.lost)
			}
			if w.v.Advance(time.Second); test.lost == nil && w.send(c, ping, 1) != 1 {
				t.Error("nothing passes after a second")
			}
		})
	}
	if len(asked) != 1 || asked[0] != "test:ping" {
		t.Errorf("the function was asked about %q", asked)
	}
	if !errors.Is(ErrLimited, peer.ErrDrop) {
		t.Error("ErrLimited ends conns")
	}
}

// A flood writes ten lines a second.
func TestLogIsBounded(t *testing.T) {
	var out bytes.Buffer // the virtual reactor logs on this goroutine
	l := New(Config{Conn: Limit{PerSecond: 1, Burst: 1}, Logger: slog.New(slog.NewTextHandler(&out, nil))})
	w := newWorld(t, l.Middleware())
	w.send(w.connect(), ping, 10000)
	n := strings.Count(out.String(), `msg="packet over a rate" packet=test:ping conn=`)
	if n == 0 || n > 1000 || n != strings.Count(out.String(), "\n") {
		t.Errorf("%d lines:\n%.1000s", n, out.String())
	}
}

// A Limiter on a second reactor would have two clocks: it panics, which ends the conn there.
func TestLimiterIsForOneReactor(t *testing.T) {
	l := New(Config{Conn: Limit{PerSecond: 1, Burst: 1}})
	one, other := newWorld(t, l.Middleware()), newWorld(t, l.Middleware())
	if got := one.send(one.connect(), ping, 1); got != 1 {
		t.Errorf("%d packets passed on the first", got)
	}
	got := other.send(other.connect(), ping, 1)
	var panicked *engine.PanicError
	if got != 0 || !errors.As(other.lost, &panicked) || panicked.Value != errOtherReactor {
		t.Errorf("%d packets passed on the second, lost because of %v", got, other.lost)
	}
}

// from is an end of a pipe that claims to come from an address.
type from struct {
	net.Conn
	addr net.Addr
}

func (f from) RemoteAddr() net.Addr { return f.addr }

// All conns of an address share a bucket, on several loops too, and an address is remembered
// when its conns have gone.
func TestLimitOfAnAddress(t *testing.T) {
	leak.Check(t)
	l := New(Config{Address: Limit{PerSecond: 1e-6, Burst: 3}}) // no token comes while the test runs
	reg, creg := registry.New(), registry.NewAdapting()
	reg.MustAdd(ping, pong)
	creg.MustAdd(ping, pong)
	ended := make(chan error, 10)
	srv := peer.NewServer(reg, &peer.Config{Engine: &engine.Config{Loops: 3}, Events: peer.Events{
		OnLost: func(_ *peer.Conn, reason error) { ended <- reason },
	}})
	defer srv.Close()
	passed := make(chan string, 100)
	peer.Handle(srv, ping, func(_ *peer.Conn, text *string) error { passed <- *text; return nil }, peer.With(l.Middleware()))
	peer.Handle(srv, pong, func(_ *peer.Conn, text *string) error { passed <- *text; return nil })
	cli := peer.NewClient(creg, nil)
	defer cli.Close()
	if err := errors.Join(srv.RunAsync(), cli.RunAsync()); err != nil {
		t.Fatal(err)
	}
	connect := func(ip string) *peer.Conn {
		near, far := net.Pipe()
		if _, err := srv.Inject(from{far, &net.TCPAddr{IP: net.ParseIP(ip), Port: 1}}); err != nil {
			t.Fatal(err)
		}
		c, err := cli.Inject(t.Context(), near)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	// count sends n packets that are limited and one that is not, and counts those that come.
	count := func(c *peer.Conn, n int) (came int) {
		text, end := "packet", "end"
		for range n {
			peer.Send(c, ping, &text)
		}
		peer.Send(c, pong, &end)
		for await.Value(t, "packet", passed) != end {
			came++
		}
		return came
	}
	one, same, other := connect("2001:db8::1"), connect("2001:db8::2"), connect("2001:db8:0:1::1")
	if a, b, c := count(one, 2), count(same, 5), count(other, 5); a != 2 || b != 1 || c != 3 {
		t.Errorf("%d, %d of the same /64, and %d of another passed, want 2, 1 and 3", a, b, c)
	}
	for _, c := range []*peer.Conn{one, same} {
		c.Close()
		await.Value(t, "loss", ended)
	}
	if n := count(connect("2001:db8::3"), 2); n != 0 || l.Stats().Addresses != 2 {
		t.Errorf("who comes again has %d packets passed, of %d addresses", n, l.Stats().Addresses)
	}
	if got := l.Stats().Over["test:ping"]; got != (Over{Address: 8}) {
		t.Errorf("counted %+v", got)
	}
}

// A Limiter that bounds nothing is not there.
func TestNoLimitIsNothing(t *testing.T) {
	l := New(Config{Conn: Limit{Burst: 5}})
	w := newWorld(t, l.Middleware())
	if got := w.send(w.connect(), ping, 100); got != 100 || l.reactor.Load() != nil {
		t.Errorf("%d of 100 packets passed, on reactor %p", got, l.reactor.Load())
	}
}

// A packet allocates nothing, passed or over a limit.
func TestLimiterAllocatesNothing(t *testing.T) {
	for name, test := range map[string]struct {
		perSecond float64
		err       error
	}{"passed": {1e9, nil}, "over": {1e-6, ErrLimited}} {
		t.Run(name, func(t *testing.T) {
			limit := Limit{PerSecond: test.perSecond, Burst: 1}
			limited := New(Config{Conn: limit, All: limit}).Middleware()(func(*peer.Incoming) error { return nil })
			allocated := 1.0
			w := newWorld(t, func(next peer.Next) peer.Next {
				return func(in *peer.Incoming) error {
					limited(in) // the first packet makes the source, and takes the one token
					allocated = testing.AllocsPerRun(1000, func() {
						if test.err != nil {
							if err := limited(in); err != test.err {
								t.Fatal(err)
							}
							return
						}
						limited(in)
					})
					return next(in)
				}
			})
			w.send(w.connect(), ping, 1)
			if allocated != 0 {
				t.Errorf("%v objects a packet", allocated)
			}
		})
	}
}

// BenchmarkLimiter is what a Limiter adds to a packet: one bucket, and two.
func BenchmarkLimiter(b *testing.B) {
	plenty := Limit{PerSecond: 1e9, Burst: 1e9}
	for name, cfg := range map[string]Config{"conn": {Conn: plenty}, "conn and all": {Conn: plenty, All: plenty}} {
		b.Run(name, func(b *testing.B) {
			limited := New(cfg).Middleware()(func(*peer.Incoming) error { return nil })
			w := newWorld(b, func(next peer.Next) peer.Next {
				return func(in *peer.Incoming) error {
					b.ReportAllocs()
					for b.Loop() {
						limited(in)
					}
					return nil
				}
			})
			w.send(w.connect(), ping, 1)
		})
	}
}

// Which transports have addresses to count by. An address is forgotten when its last conn has
// ended and its bucket is full.
func TestTransportsWithAddresses(t *testing.T) {
	for name, test := range map[string]struct {
		listen string // empty: a pair in memory
		want   int    // addresses
	}{
		"tcp":    {"tcp://127.0.0.1:0", 1},
		"unix":   {"unix://" + filepath.Join(t.TempDir(), "s"), 0},
		"memory": {"", 0},
	} {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			l := New(Config{Address: Limit{PerSecond: 1e9, Burst: 1}})
			reg, creg := registry.New(), registry.NewAdapting()
			reg.MustAdd(ping, pong)
			creg.MustAdd(ping, pong)
			srv := peer.NewServer(reg, nil)
			defer srv.Close()
			srv.Use(l.Middleware())
			passed := make(chan string, 1)
			peer.Handle(srv, ping, func(_ *peer.Conn, text *string) error { passed <- *text; return nil })
			if err := srv.RunAsync(); err != nil {
				t.Fatal(err)
			}
			var c *peer.Conn
			var err error
			if test.listen == "" {
				c, err = peer.NewMemoryClient(creg, &peer.Config{Reactor: srv.Reactor()}).Connect(t.Context(), srv)
			} else {
				ln, lnErr := srv.Listen(test.listen)
				if lnErr != nil {
					t.Fatal(lnErr)
				}
				cli := peer.NewClient(creg, nil)
				defer cli.Close()
				cli.RunAsync()
				c, err = cli.Connect(t.Context(), ln.Addr().Network()+"://"+ln.Addr().String())
			}
			if err != nil {
				t.Fatal(err)
			}
			text := "x"
			peer.Send(c, ping, &text)
			await.Value(t, "packet", passed)
			if n := l.Stats().Addresses; n != test.want {
				t.Errorf("%d addresses, want %d", n, test.want)
			}
			c.Close()
			await.True(t, "end of the address", func() bool { return l.Stats().Addresses == 0 })
		})
	}
}
