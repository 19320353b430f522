package inproc

import (
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/logging"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// Senders take turns of so many packets, and so many turns may be ahead of the
// other side: few are long, for senders to sleep, and to be woken, seldom.
const (
	stretch = 1 << 10
	ahead   = 8
)

// Packets to one conn from goroutines that are not its loop, until the other
// side has the last. send-ns is what a call keeps its caller, the median of
// stretches: senders wait between these for the other side, and the time from
// the first call to the last arrival is ns/op. Another conn of the same loop is
// served meanwhile: it has a packet answered each millisecond, and served-p99-ns
// is the time of that. The other ends of the sockets are in this process, and in
// its cpu-ns/op.
func BenchmarkSend(b *testing.B) {
	for _, kind := range []struct {
		name string
		open func(b *testing.B) *target
	}{
		{"packetmq", packetmqTarget},
		{"packetmq=memory", memoryTarget},
		{"gnet=AsyncWrite", gnetTarget},
	} {
		for _, senders := range []int{1, 4, 16} {
			b.Run(fmt.Sprintf("%s/senders=%d", kind.name, senders), func(b *testing.B) {
				to := kind.open(b)
				served := serve(b, to)
				var each float64
				measure(b, func() { each = fromGoroutines(b, senders, to) })
				b.ReportMetric(each, "send-ns")
				served()
			})
		}
	}
}

// Functions posted to a loop from other goroutines, until the last has run. A
// conn of the loop is served meanwhile.
func BenchmarkPost(b *testing.B) {
	for _, senders := range []int{1, 4, 16} {
		b.Run(fmt.Sprintf("packetmq/senders=%d", senders), func(b *testing.B) {
			to := packetmqTarget(b)
			ran := func() { to.arrived(b, 1) }
			to.send = func() error { return to.loop.Post(ran) }
			served := serve(b, to)
			var each float64
			measure(b, func() { each = fromGoroutines(b, senders, to) })
			b.ReportMetric(each, "post-ns")
			served()
		})
	}
}

// target is a server that packets are sent through.
type target struct {
	addr     string
	loop     *engine.Loop
	greet    func(io.ReadWriter) error // what is said on a new socket
	exchange func(net.Conn) error      // a packet that is answered
	send     func() error
	got      int           // by one goroutine
	turns    chan struct{} // to send
	done     chan struct{}
}

func (t *target) arrived(b *testing.B, n int) {
	before := t.got
	t.got += n
	for range t.got/stretch - before/stretch {
		t.turns <- struct{}{}
	}
	if t.got == b.N {
		close(t.done)
	}
}

// fromGoroutines sends b.N packets, and returns how long a call took, in
// nanoseconds: the median of the stretches.
func fromGoroutines(b *testing.B, senders int, to *target) float64 {
	var (
		began atomic.Int64 // packets whose stretch has
		wg    sync.WaitGroup
		mu    sync.Mutex
		took  []float64
	)
	for range senders {
		wg.Go(func() {
			var mine []float64
			for {
				<-to.turns
				n := min(stretch, b.N-int(began.Add(stretch))+stretch)
				if n <= 0 {
					to.turns <- struct{}{}
					break
				}
				start := time.Now()
				for range n {
					if err := to.send(); err != nil {
						panic(err)
					}
				}
				mine = append(mine, float64(time.Since(start))/float64(n))
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
		})
	}
	wg.Wait()
	<-to.done
	slices.Sort(took)
	return took[len(took)/2]
}

// serve has a socket served until the function is called.
func serve(b *testing.B, to *target) (end func()) {
	nc, err := net.Dial("tcp", to.addr)
	must(b, err)
	must(b, to.greet(nc))
	stop, ended := make(chan struct{}), make(chan error, 1)
	var took []time.Duration
	go func() {
		defer nc.Close()
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			began := time.Now()
			if err := to.exchange(nc); err != nil {
				ended <- err
				return
			}
			took = append(took, time.Since(began))
			select {
			case <-tick.C:
			case <-stop:
				ended <- nil
				return
			}
		}
	}()
	return func() {
		close(stop)
		must(b, <-ended)
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)*99/100]), "served-p99-ns")
	}
}

// drain counts what arrives at the other end of a socket.
func drain(b *testing.B, to *target, nc net.Conn) {
	b.Cleanup(func() { nc.Close() })
	go func() {
		frame := codec.LengthSize + codec.IDSize + size
		buf, rest := make([]byte, 256<<10), 0
		for {
			n, err := nc.Read(buf)
			if err != nil {
				return
			}
			rest += n
			to.arrived(b, rest/frame)
			rest %= frame
		}
	}()
}

func newTarget() *target {
	t := &target{turns: make(chan struct{}, 2*ahead), done: make(chan struct{})}
	for range ahead {
		t.turns <- struct{}{}
	}
	return t
}

// listen runs a packetmq server that answers echoes.
func listen(b *testing.B, made chan *peer.Conn) (*peer.Server, *side, *target) {
	s := newSide(false)
	srv := peer.NewServer(s.reg, &peer.Config{Events: peer.Events{OnMade: func(c *peer.Conn) { made <- c }}})
	b.Cleanup(func() { srv.Close() })
	peer.HandleRaw(srv, s.echo, func(c *peer.Conn, p []byte) error { return c.ReplyRaw(s.reply.In(s.reg), p) })
	must(b, srv.RunAsync())
	ln, err := srv.Listen("127.0.0.1:0")
	must(b, err)
	to := newTarget()
	to.addr, to.greet = ln.Addr().String(), greet
	payload := make([]byte, size)
	to.exchange = func(nc net.Conn) error { return exchange(nc, payload) }
	return srv, s, to
}

func packetmqTarget(b *testing.B) *target {
	made := make(chan *peer.Conn, 2)
	_, s, to := listen(b, made)
	nc, err := dial(to.addr)
	must(b, err)
	drain(b, to, nc)
	c, payload, t := <-made, make([]byte, size), s.reply.In(s.reg)
	to.loop = c.Loop()
	to.send = func() error { return c.SendRaw(t, payload) }
	return to
}

func memoryTarget(b *testing.B) *target {
	made := make(chan *peer.Conn, 2)
	srv, s, to := listen(b, made)
	ours := newSide(true)
	cli := peer.NewMemoryClient(ours.reg, &peer.Config{Reactor: srv.Reactor()})
	peer.HandleRaw(cli, ours.reply, func(*peer.Conn, []byte) error {
		to.arrived(b, 1)
		return nil
	})
	_, err := cli.Connect(b.Context(), srv)
	must(b, err)
	c, payload, t := <-made, make([]byte, size), s.reply.In(s.reg)
	to.send = func() error { return c.SendRaw(t, payload) }
	return to
}

// async is gnet as its documentation has it: OnTraffic answers what arrives,
// and other goroutines call AsyncWrite.
type async struct {
	gnet.BuiltinEventEngine
	eng    gnet.Engine
	booted chan struct{}
	opened chan gnet.Conn
}

func (a *async) OnBoot(eng gnet.Engine) gnet.Action {
	a.eng = eng
	close(a.booted)
	return gnet.None
}

func (a *async) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	a.opened <- c
	return nil, gnet.None
}

func (a *async) OnTraffic(c gnet.Conn) gnet.Action {
	b, err := c.Next(-1)
	if err != nil {
		return gnet.Close
	}
	if _, err := c.Write(b); err != nil {
		return gnet.Close
	}
	return gnet.None
}

func gnetTarget(b *testing.B) *target {
	ln, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free
	must(b, err)
	to := newTarget()
	to.addr = ln.Addr().String()
	ln.Close()
	a := &async{booted: make(chan struct{}), opened: make(chan gnet.Conn, 2)}
	ended := make(chan error, 1)
	go func() {
		ended <- gnet.Run(a, "tcp://"+to.addr, gnet.WithNumEventLoop(1), gnet.WithTCPNoDelay(gnet.TCPNoDelay), gnet.WithLogLevel(logging.ErrorLevel))
	}()
	select {
	case <-a.booted:
	case err := <-ended:
		b.Fatal(err)
	}
	b.Cleanup(func() {
		a.eng.Stop(b.Context())
		<-ended
	})
	to.greet = func(io.ReadWriter) error { return nil }
	frame := codec.AppendFrame(nil, echoID, make([]byte, size))
	to.exchange = func(nc net.Conn) error {
		if _, err := nc.Write(frame); err != nil {
			return err
		}
		_, err := io.ReadFull(nc, make([]byte, len(frame)))
		return err
	}
	nc, err := net.Dial("tcp", to.addr)
	must(b, err)
	drain(b, to, nc)
	c := <-a.opened
	to.send = func() error { return c.AsyncWrite(frame, nil) }
	return to
}
