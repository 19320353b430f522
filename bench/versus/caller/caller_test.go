package caller

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// echo is a server in the caller's own process, for all kinds of conns.
type echo struct {
	replies chan []byte
	closed  chan struct{}
	once    sync.Once
	spoil   func([]byte) ([]byte, error)
}

func newEcho(spoil func([]byte) ([]byte, error)) *echo {
	if spoil == nil {
		spoil = func(b []byte) ([]byte, error) { return b, nil }
	}
	return &echo{replies: make(chan []byte, 1<<16), closed: make(chan struct{}), spoil: spoil}
}

func (e *echo) Call(b []byte) ([]byte, error) { return e.spoil(append([]byte(nil), b...)) }

func (e *echo) Send(b []byte) error {
	e.replies <- append([]byte(nil), b...)
	return nil
}

func (e *echo) Recv() ([]byte, error) {
	select {
	case b := <-e.replies:
		return e.spoil(b)
	case <-e.closed:
		return nil, io.ErrClosedPipe
	}
}

func (e *echo) Close() error {
	e.once.Do(func() { close(e.closed) })
	return nil
}

// typedEcho is an echo of values: what is spoilt is their encoding.
type typedEcho struct{ *echo }

func (e typedEcho) Call(ask, answer *Value) error {
	b, err := msgpack.Marshal(ask)
	if err != nil {
		return err
	}
	if b, err = e.echo.Call(b); err != nil {
		return err
	}
	var v Value
	dec := msgpack.NewDecoder(bytes.NewReader(b))
	if dec.Decode(&v) == nil && dec.Decode(new(any)) == io.EOF { // others are no answer
		*answer = v
	}
	return nil
}

// asyncEcho is a typedEcho whose loop is a goroutine, which takes calls one by one.
type asyncEcho struct {
	typedEcho
	posted chan func()
}

func newAsyncEcho(e *echo) asyncEcho {
	a := asyncEcho{typedEcho{e}, make(chan func(), 1<<16)}
	go func() {
		for {
			select {
			case f := <-a.posted:
				f()
			case <-a.closed:
				for len(a.posted) > 0 {
					(<-a.posted)()
				}
				return
			}
		}
	}()
	return a
}

func (a asyncEcho) Post(f func()) error {
	a.posted <- f
	return nil
}

func (a asyncEcho) Go(ask *Value, done func(*Value, error)) {
	var answer Value
	err := a.Call(ask, &answer)
	a.Post(func() { done(&answer, err) })
}

var kinds = []struct {
	name string
	call func(context.Context, Config, func() *echo) (Result, error)
}{
	{"calls", func(ctx context.Context, cfg Config, dial func() *echo) (Result, error) {
		return Calls(ctx, cfg, func(context.Context) (Unary, error) { return dial(), nil })
	}},
	{"typed", func(ctx context.Context, cfg Config, dial func() *echo) (Result, error) {
		return TypedCalls(ctx, cfg, func(context.Context) (Typed, error) { return typedEcho{dial()}, nil })
	}},
	{"async", func(ctx context.Context, cfg Config, dial func() *echo) (Result, error) {
		return AsyncCalls(ctx, cfg, func(context.Context) (Async, error) { return newAsyncEcho(dial()), nil })
	}},
	{"streams", func(ctx context.Context, cfg Config, dial func() *echo) (Result, error) {
		return Streams(ctx, cfg, func(context.Context) (Stream, error) { return dial(), nil })
	}},
}

func forKinds(t *testing.T, test func(t *testing.T, call func(Config, func() *echo) (Result, error))) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			test(t, func(cfg Config, dial func() *echo) (Result, error) {
				cfg.Addr = "here"
				if cfg.Duration == 0 {
					cfg.Duration = 20 * time.Millisecond
				}
				return k.call(t.Context(), cfg, dial)
			})
		})
	}
}

func sound() *echo { return newEcho(nil) }

// The server's CPU time is told; here it is this process, twice.
func TestServerClocks(t *testing.T) {
	forKinds(t, func(t *testing.T, call func(Config, func() *echo) (Result, error)) {
		self := os.Getpid()
		res, err := call(Config{Conns: 1, Depth: 1, Size: 64, Servers: []int{self, self}}, sound)
		if err != nil || res.ServerCPU < res.CPU || res.CPU <= 0 {
			t.Errorf("%+v %v", res, err)
		}
		if res, err := call(Config{Conns: 1, Depth: 1, Size: 64, Servers: []int{1 << 22}}, sound); err == nil {
			t.Errorf("there is no such process: %+v", res)
		}
	})
}

// The result has what the load allocated, the echo of this process included.
func TestAllocs(t *testing.T) {
	forKinds(t, func(t *testing.T, call func(Config, func() *echo) (Result, error)) {
		res, err := call(Config{Conns: 1, Depth: 1, Size: 64}, sound)
		if err != nil || res.Allocs < res.Packets {
			t.Errorf("%+v %v", res, err)
		}
	})
}

// The result is told before conns are closed.
func TestDone(t *testing.T) {
	forKinds(t, func(t *testing.T, call func(Config, func() *echo) (Result, error)) {
		e := sound()
		broken := errors.New("broken")
		done := func(res *Result) error {
			select {
			case <-e.closed:
				t.Error("closed already")
			default:
			}
			if res.Packets == 0 {
				t.Errorf("%+v", res)
			}
			return broken
		}
		if _, err := call(Config{Conns: 1, Depth: 1, Size: 64, Done: done}, func() *echo { return e }); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
	})
}

func TestClosedLoop(t *testing.T) {
	forKinds(t, func(t *testing.T, call func(Config, func() *echo) (Result, error)) {
		ready := 0
		cfg := Config{Conns: 5, Depth: 3, Size: 64, Warmup: 5 * time.Millisecond, Ready: func() error { ready++; return nil }}
		res, err := call(cfg, sound)
		if err != nil || res.Errors != 0 || res.Packets < 15 || ready != 1 {
			t.Fatalf("%+v, %v, ready %d times", res, err, ready)
		}
		if res.Conns != 5 || res.Seconds <= 0 || res.CPU <= 0 {
			t.Errorf("%+v", res)
		}
		if !(0 < res.P50 && res.P50 <= res.P90 && res.P90 <= res.P99 && res.P99 <= res.P999 && res.P999 <= res.Max) {
			t.Errorf("percentiles: %+v", res)
		}
	})
}

// The packets in flight go round over all conns, fewer or more than they are.
func TestInflight(t *testing.T) {
	for _, conns := range []int{1, 3, 20} {
		forKinds(t, func(t *testing.T, call func(Config, func() *echo) (Result, error)) {
			var called sync.Map
			res, err := call(Config{Conns: conns, Depth: 1, Size: 64, Inflight: 7, Duration: 50 * time.Millisecond}, func() *echo {
				var e *echo
				e = newEcho(func(b []byte) ([]byte, error) {
					called.Store(e, true)
					return b, nil
				})
				return e
			})
			if err != nil || res.Errors != 0 || res.Packets < 20 {
				t.Fatalf("%+v, %v", res, err)
			}
			n := 0
			called.Range(func(any, any) bool { n++; return true })
			if n != conns {
				t.Errorf("%d of %d conns were used", n, conns)
			}
		})
	}
}

func TestDepthZeroSendsNothing(t *testing.T) {
	forKinds(t, func(t *testing.T, call func(Config, func() *echo) (Result, error)) {
		res, err := call(Config{Conns: 3, Size: 64, Warmup: time.Millisecond}, sound)
		if err != nil || res.Errors != 0 || res.Packets != 0 {
			t.Fatalf("%+v, %v", res, err)
		}
	})
}

func TestOpenLoop(t *testing.T) {
	forKinds(t, func(t *testing.T, call func(Config, func() *echo) (Result, error)) {
		res, err := call(Config{Conns: 3, Depth: 2, Size: 64, Rate: 10_000, Duration: 50 * time.Millisecond}, sound)
		// How many is up to the machine: never more than are due.
		if err != nil || res.Errors != 0 || res.Packets < 1 || res.Packets > 500 {
			t.Fatalf("%+v, %v", res, err)
		}
	})
}

// What comes late counts from when it was due, not from when it was sent: a
// server that stands still for most of the time delays most packets, not one.
func TestOpenLoopCountsWhatWaits(t *testing.T) {
	const all, still = 40 * time.Millisecond, 30 * time.Millisecond
	forKinds(t, func(t *testing.T, call func(Config, func() *echo) (Result, error)) {
		res, err := call(Config{Conns: 1, Depth: 1, Size: 64, Rate: 10_000, Duration: all}, func() *echo {
			var once sync.Once
			return newEcho(func(b []byte) ([]byte, error) {
				once.Do(func() { <-time.After(still) }) // the others wait for it
				return b, nil
			})
		})
		if err != nil || res.Packets == 0 || res.Errors > 0 {
			t.Fatalf("%+v, %v", res, err)
		}
		if least := still - all/2; res.P50 < int64(least)*9/10 {
			t.Errorf("half of the packets took less than %v, and have waited for %v at least", time.Duration(res.P50), least)
		}
	})
}

func TestWrongReplies(t *testing.T) {
	for name, spoil := range map[string]func([]byte) ([]byte, error){
		"seq":   func(b []byte) ([]byte, error) { b[seqAt+7] ^= 1; return b, nil },
		"ts":    func(b []byte) ([]byte, error) { b[tsAt] ^= 1; return b, nil },
		"key":   func(b []byte) ([]byte, error) { b[bodyAt-1] ^= 1; return b, nil },
		"body":  func(b []byte) ([]byte, error) { b[len(b)-1] ^= 1; return b, nil },
		"short": func(b []byte) ([]byte, error) { return b[:len(b)-1], nil },
		"long":  func(b []byte) ([]byte, error) { return append(b, 0), nil },
		"none":  func(b []byte) ([]byte, error) { return nil, nil },
	} {
		t.Run(name, func(t *testing.T) {
			forKinds(t, func(t *testing.T, call func(Config, func() *echo) (Result, error)) {
				res, err := call(Config{Conns: 1, Depth: 1, Size: 64}, func() *echo { return newEcho(spoil) })
				if err != nil || res.Packets != 0 || res.Errors == 0 || res.Problem != errReply.Error() {
					t.Fatalf("%+v, %v", res, err)
				}
			})
		})
	}
}

// A conn that breaks ends its part of the load, and no more.
func TestBrokenConn(t *testing.T) {
	fault := errors.New("broken")
	for _, rate := range []float64{0, 1000} {
		forKinds(t, func(t *testing.T, call func(Config, func() *echo) (Result, error)) {
			var mu sync.Mutex
			n := 0
			res, err := call(Config{Conns: 2, Depth: 2, Size: 64, Rate: rate}, func() *echo {
				mu.Lock()
				defer mu.Unlock()
				if n++; n > 1 {
					return sound()
				}
				return newEcho(func([]byte) ([]byte, error) { return nil, fault })
			})
			if err != nil || res.Packets == 0 || res.Errors == 0 || res.Problem != fault.Error() {
				t.Fatalf("%+v, %v", res, err)
			}
		})
	}
}

func TestServerThatDoesNotAnswer(t *testing.T) {
	forKinds(t, func(t *testing.T, call func(Config, func() *echo) (Result, error)) {
		res, err := call(Config{Conns: 2, Depth: 2, Size: 64, Patience: time.Millisecond}, func() *echo {
			var e *echo
			e = newEcho(func([]byte) ([]byte, error) {
				<-e.closed
				return nil, io.ErrClosedPipe
			})
			return e
		})
		if err != nil || res.Packets != 0 || res.Errors != 4 {
			t.Fatalf("%+v, %v", res, err)
		}
	})
}

func TestDialFails(t *testing.T) {
	fault := errors.New("refused")
	_, err := Calls(t.Context(), Config{Addr: "here", Conns: 40, Depth: 1, Size: 64, Duration: 1}, func(context.Context) (Unary, error) { return nil, fault })
	if !errors.Is(err, fault) {
		t.Fatal(err)
	}
}

func TestCheck(t *testing.T) {
	good := Config{Addr: "here", Conns: 1, Depth: 1, Size: MinSize, Duration: 1}
	if err := good.check(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Config){
		"addr":     func(c *Config) { c.Addr = "" },
		"conns":    func(c *Config) { c.Conns = 0 },
		"depth":    func(c *Config) { c.Depth = -1 },
		"size":     func(c *Config) { c.Size = MinSize - 1 },
		"inflight": func(c *Config) { c.Inflight = -1 },
		"both":     func(c *Config) { c.Inflight, c.Rate = 1, 1 },
		"rate":     func(c *Config) { c.Rate = -1 },
		"duration": func(c *Config) { c.Duration = 0 },
	} {
		cfg := good
		spoil(&cfg)
		if cfg.check() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
