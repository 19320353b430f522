//go:build linux

package engine

import (
	"errors"
	"io"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// gnet has no methods for them: a version that keeps its epoll set or its read buffer
// elsewhere shows here.
func TestGnetsPollSetIsFound(t *testing.T) {
	r := start(t, nil)
	exchange(t, serve(t, r, &hooks{received: echo}), "served")
	var f flooding
	if err := r.Loops()[0].Call(t.Context(), func() { f = r.loops[0].flooding }); err != nil {
		t.Fatal(err)
	}
	if f.set == 0 || f.buffer == nil || len(*f.buffer) != DefaultReadBuffer {
		t.Errorf("the set is %d, the buffer %p", f.set, f.buffer)
	}
}

// While rounds are long little of each socket is read in them, and all that there is
// when none was for a while.
func TestLittleIsReadInLongRounds(t *testing.T) {
	k := newRounds(t, 8)
	buffer := make([]byte, DefaultReadBuffer)
	f := &k.l.flooding
	f.set, f.buffer = -1, &buffer
	took := roundTime + 1
	k.work = func(int) { k.l.r.clock.advance(took) }
	k.l.r.clock.advance(time.Second)
	for _, c := range k.conns {
		c.in = make([]byte, longInput+1)
	}
	for range 3 {
		for _, c := range k.conns {
			k.p.OnTraffic(c)
		}
		for k.rings.Add(1); k.rings.Load() > 0; {
			k.hear()
		}
		if len(buffer) != floodRead || floodRead <= longInput {
			t.Fatalf("%d bytes are read in a long round", len(buffer))
		}
	}
	took = 0
	if k.p.OnTraffic(k.conns[0]); len(buffer) != floodRead {
		t.Errorf("%d bytes are read right after a flood", len(buffer))
	}
	k.l.r.clock.advance(floodLasts)
	if k.p.OnTraffic(k.conns[0]); len(buffer) != DefaultReadBuffer {
		t.Errorf("%d bytes are read after a flood", len(buffer))
	}
}

// While a flood goes on, a round handles long input for a shorter time.
func TestRoundsOfAFloodHandleLess(t *testing.T) {
	k := newRounds(t, 8)
	buffer := make([]byte, DefaultReadBuffer)
	f := &k.l.flooding
	f.set, f.buffer = -1, &buffer
	handled, took := 0, roundTime+1
	k.work = func(int) {
		handled++
		k.l.r.clock.advance(took)
	}
	k.l.r.clock.advance(time.Second)
	round := func() int {
		handled = 0
		for _, c := range k.conns {
			c.in = make([]byte, longInput+1)
			k.p.OnTraffic(c)
		}
		n := handled
		for k.rings.Add(1); k.rings.Load() > 0; {
			k.hear()
		}
		return n
	}
	round()
	if len(buffer) != floodRead {
		t.Fatal("the loop does not know of the flood")
	}
	took = floodTime + 1
	if n := round(); n > 3 {
		t.Errorf("a round handled input of %d conns, %v each, in a flood", n, took)
	}
	k.l.r.clock.advance(floodLasts)
	if n := round(); n < int(roundTime/took) {
		t.Errorf("a round handled input of %d conns, %v each, after the flood", n, took)
	}
}

// A socket that waits is not gnet's again because a piece of its input was not full:
// one that floods has the next piece soon.
func TestSocketsOfFloodsWaitBetweenPieces(t *testing.T) {
	for name, test := range map[string]struct {
		bytes int
		waits bool
	}{
		"much":   {longInput + 1, true},
		"little": {longInput, false},
		"none":   {0, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, nil)
			opened, received := make(chan *Conn, 1), 0
			ln, err := r.Listen("unix", filepath.Join(t.TempDir(), "s"), func(net.Conn) (*Conn, Handler) {
				return new(Conn), &hooks{
					opened:   func(c *Conn) { opened <- c },
					received: func(_ *Conn, b []byte) int { received += len(b); return len(b) },
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			nc := dial(t, ln)
			c := wait(t, "conn", opened)
			err = r.loops[0].Call(t.Context(), func() {
				s := c.tr.(*socket)
				s.pause()
				nc.Write(make([]byte, test.bytes)) // which is there when Write returns
				if s.readPiece(); received != test.bytes || s.isPaused() != test.waits {
					t.Errorf("after a piece of %d bytes, of which %d were received, the socket waits: %v", test.bytes, received, s.isPaused())
				}
				if s.readPiece(); s.isPaused() {
					t.Error("a socket waits that has no input")
				}
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// In a round that has handled long input for its time, more of it waits for turns to
// come, a conn at a time, and short input does not.
func TestLongInputOfLongRoundsWaits(t *testing.T) {
	k := newRounds(t, 8)
	k.l.flooding.set = -1 // one that no socket can be taken out of
	var order []int
	k.work = func(i int) {
		order = append(order, i)
		k.l.r.clock.advance(roundTime + 1)
	}
	k.l.r.clock.advance(time.Second)
	for _, c := range k.conns[:6] {
		c.in = make([]byte, longInput+1)
	}
	for _, c := range k.conns[:7] {
		k.p.OnTraffic(c)
	}
	handled := len(order)
	if handled < 2 || handled > 4 || order[handled-1] != 6 {
		t.Errorf("input of %v was handled when it was read, want some and the short", order)
	}
	for k.rings.Add(1); k.rings.Load() > 0; {
		k.hear()
	}
	if len(order) != 7 {
		t.Errorf("input of %v was handled in the end, want all", order)
	}
}

// What many conns bring at once, and is dear, is handled in order to the last byte
// and to the end; but what others say is handled in between.
func TestFloodsWaitForOthers(t *testing.T) {
	const floods, size, share, dear = 30, 1 << 20, 64 << 10, time.Millisecond
	r := start(t, nil)
	var shares atomic.Int64
	type flow struct{ got int }
	ended := make(chan error, floods)
	ln, err := r.Listen("tcp", "127.0.0.1:0", func(net.Conn) (*Conn, Handler) {
		var f flow
		return new(Conn), &hooks{
			received: func(c *Conn, b []byte) int {
				b = b[:min(len(b), share)]
				for _, x := range b {
					if x != byte(f.got>>8) {
						c.Abort(errors.New("bytes are not in order"))
						return len(b)
					}
					f.got++
				}
				shares.Add(1)
				time.Sleep(dear)
				return len(b)
			},
			closed: func(_ *Conn, err error) {
				if f.got != size && err == io.EOF {
					err = io.ErrUnexpectedEOF
				}
				ended <- err
			},
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	polite := serve(t, r, &hooks{received: echo})
	polite.SetDeadline(time.Now().Add(patience))
	all := make([]byte, size)
	for i := range all {
		all[i] = byte(i >> 8)
	}
	var senders sync.WaitGroup
	for range floods {
		nc := dial(t, ln)
		senders.Go(func() {
			nc.Write(all)
			nc.(*net.TCPConn).CloseWrite()
		})
	}
	most := int64(0)
	b := []byte{1}
	for len(ended) < floods {
		before := shares.Load()
		if _, err := polite.Write(b); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(polite, b); err != nil {
			t.Fatal(err)
		}
		most = max(most, shares.Load()-before)
	}
	senders.Wait()
	for range floods {
		if err := <-ended; err != io.EOF {
			t.Errorf("a flood ended with %v", err)
		}
	}
	if most > floods {
		t.Errorf("another conn waited for %d shares of %v", most, dear)
	}
}

// What comes while a share of a turn is handled, however long that takes, is handled
// before the next share: it waits for one of them, not for two.
func TestInputIsHandledBetweenTwoLongShares(t *testing.T) {
	const shares = 50
	r := start(t, nil)
	l := r.loops[0]
	said, unheard := 0, 0 // loop only
	opened := make(chan struct{})
	ln, err := r.Listen("unix", filepath.Join(t.TempDir(), "s"), func(net.Conn) (*Conn, Handler) {
		return new(Conn), &hooks{
			opened:   func(*Conn) { close(opened) },
			received: func(_ *Conn, b []byte) int { unheard = 0; return len(b) },
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	polite := dial(t, ln)
	wait(t, "socket", opened)
	late := make(chan int, 1)
	most := 0
	p := new(fakeTransport)
	p.pump = func() bool {
		most = max(most, unheard)
		if said == shares {
			late <- most
			return false
		}
		polite.Write([]byte{1}) // which is there when Write returns: the socket is a Unix one
		said++
		unheard++
		time.Sleep(2 * turnBudget)
		l.ready.long = true // as after long input
		return true
	}
	p.open = func() { p.sink.Wake(l) }
	attachFake(t, r, p, &hooks{})
	if n := wait(t, "last share", late); n > 0 {
		t.Errorf("a share began while input waited that had come before it")
	}
}

// A conn that is reset while it waits ends so, with all that waits of it, and others go
// on.
func TestResetsOfConnsThatWait(t *testing.T) {
	const floods = 20
	r := start(t, nil)
	ended := make(chan error, floods)
	opened := make(chan *Conn, floods)
	ln := listen(t, r, &hooks{
		opened:   func(c *Conn) { opened <- c },
		received: func(c *Conn, b []byte) int { time.Sleep(time.Millisecond); return min(len(b), 16<<10) },
		closed:   func(_ *Conn, err error) { ended <- err },
	})
	polite := serve(t, r, &hooks{received: echo})
	for range floods {
		nc := dial(t, ln)
		wait(t, "conn", opened)
		go func() {
			nc.Write(make([]byte, 1<<20))
			nc.(*net.TCPConn).SetLinger(0)
			nc.Close()
		}()
	}
	exchange(t, polite, "served")
	for range floods {
		if err := wait(t, "end", ended); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a conn that was reset ended with %v", err)
		}
	}
	exchange(t, polite, "served")
	if n := r.Conns(); n != 1 {
		t.Errorf("%d conns are left", n)
	}
}

// Sockets that wait are counted, whatever ends that.
func TestWaitingSocketsAreCounted(t *testing.T) {
	r := start(t, nil)
	l := r.Loops()[0]
	left := make(chan int, 1)
	for name, end := range map[string]func(c *Conn, nc net.Conn){
		"reset":    func(_ *Conn, nc net.Conn) { nc.(*net.TCPConn).SetLinger(0); nc.Close() },
		"close":    func(_ *Conn, nc net.Conn) { nc.Close() },
		"abort":    func(c *Conn, _ net.Conn) { c.Abort(nil) },
		"finish":   func(c *Conn, _ net.Conn) { c.Finish(time.Second) },
		"all read": func(*Conn, net.Conn) {},
	} {
		t.Run(name, func(t *testing.T) {
			opened := make(chan *Conn, 1)
			nc := serve(t, r, &hooks{
				opened:   func(c *Conn) { opened <- c },
				received: func(_ *Conn, b []byte) int { return len(b) },
			})
			c := wait(t, "conn", opened)
			l.Call(t.Context(), func() {
				s := c.tr.(*socket)
				s.pause()
				left <- l.flooding.paused
				s.wait([]byte("some"))
			})
			if n := <-left; n != 1 {
				t.Fatalf("%d sockets wait, want 1", n)
			}
			end(c, nc)
			await := time.Now().Add(patience)
			for n := 1; n != 0; n = <-left {
				if time.Now().After(await) {
					t.Fatalf("%d sockets wait", n)
				}
				l.Call(t.Context(), func() { left <- l.flooding.paused })
			}
		})
	}
}

// A conn that is reset while more waits than is kept does not end like one that was
// received to its end.
func TestAResetThatLosesInputSaysSo(t *testing.T) {
	r := start(t, nil)
	opened, ended := make(chan *Conn, 1), make(chan error, 1)
	nc := serve(t, r, &hooks{
		opened: func(c *Conn) { opened <- c },
		closed: func(_ *Conn, err error) { ended <- err },
	})
	c := wait(t, "conn", opened)
	paused, release := make(chan struct{}), make(chan struct{})
	r.Post(func() {
		s := c.tr.(*socket)
		unix.SetsockoptInt(s.gc.Fd(), unix.SOL_SOCKET, unix.SO_RCVBUF, 8*maxBacklog)
		s.pause()
		s.wait([]byte("some"))
		close(paused)
		<-release
	})
	wait(t, "pause", paused)
	for full := error(nil); full == nil; {
		nc.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		_, full = nc.Write(make([]byte, maxBacklog))
	}
	nc.(*net.TCPConn).SetLinger(0)
	nc.Close()
	close(release)
	if err := wait(t, "end", ended); err != ErrBacklog && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the conn ended with %v", err)
	}
}
