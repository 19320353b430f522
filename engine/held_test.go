//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

import (
	"os"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// tell has callbacks note whose they were.
func (k *rounds) tell() *[]int {
	order := new([]int)
	k.work = func(i int) { *order = append(*order, i) }
	return order
}

// read brings input of some conns and returns whose was handled before the bell.
func (k *rounds) read(conns ...int) []int {
	order := k.tell()
	for _, i := range conns {
		k.p.OnTraffic(k.conns[i])
	}
	return slices.Clone(*order)
}

func TestShortInputWaitsInLongRounds(t *testing.T) {
	k := newRounds(t, 2*gatherMost)
	k.gather()
	if got := k.read(0, 1, 2, 3); !slices.Equal(got, []int{0}) {
		t.Errorf("before the bell input of %v was handled, want the first alone", got)
	}
	order := k.tell()
	if k.hear(); !slices.Equal(*order, []int{1, 2, 3}) {
		t.Errorf("behind the bell input of %v was handled, want the rest", *order)
	}
	all := make([]int, gatherMost+1)
	for i := range all {
		all[i] = i
	}
	if got := k.read(all...); !slices.Equal(got, all[:gatherMost]) {
		t.Errorf("input of %v was handled, want that of %d conns", got, gatherMost)
	}
}

// Long input is handled at once, behind what waits: some of that may be the
// same conn's.
func TestLongInputComesBehindWhatWaits(t *testing.T) {
	k := newRounds(t, gatherMost)
	k.gather()
	k.read(0)
	var got []int
	k.conns[1].ctx.(*socket).handler = &hooks{received: func(_ *Conn, b []byte) int {
		got = append(got, len(b))
		return len(b)
	}}
	for _, n := range []int{1, heldMost, heldMost + 1} {
		k.conns[1].in = make([]byte, n)
		k.p.OnTraffic(k.conns[1])
	}
	if want := []int{1, heldMost, heldMost + 1}; !slices.Equal(got, want) {
		t.Errorf("it was handled in shares of %d, want %d", got, want)
	}
}

// What waits is the conn's even when its place in the poller's buffer has been
// used again, and comes before its end.
func TestInputThatWaitsComesBeforeTheEnd(t *testing.T) {
	k := newRounds(t, gatherMost)
	k.gather()
	k.read(0)
	var got []string
	k.conns[1].ctx.(*socket).handler = &hooks{
		received: func(_ *Conn, b []byte) int { got = append(got, string(b)); return len(b) },
		closed:   func(*Conn, error) { got = append(got, "end") },
	}
	k.conns[1].in = []byte("word")
	k.p.OnTraffic(k.conns[1])
	copy(k.conns[1].in, "lost")
	k.p.OnClose(k.conns[1], nil)
	if want := []string{"word", "end"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A conn that another's handler ends has nothing more to take; one whose write
// fails still has, behind the failure.
func TestInputThatWaitsOfEndedConns(t *testing.T) {
	k := newRounds(t, gatherMost)
	k.gather()
	k.read(0)
	k.p.OnTraffic(k.conns[1])
	k.p.OnTraffic(k.conns[2])
	k.p.OnTraffic(k.conns[3])
	closed := &deaf{Sink: k.conns[2].ctx.(*socket).conn()}
	k.conns[2].ctx.(*socket).put().sink = closed // as of a Wrapper's transport
	order := new([]int)
	k.work = func(i int) {
		*order = append(*order, i)
		if i == 1 {
			k.conns[2].ctx.(*socket).conn().kill(nil)
			s := k.conns[3].ctx.(*socket)
			s.inGnet = true
			k.p.OnClose(k.conns[3], os.NewSyscallError("write", unix.EPIPE))
			s.inGnet = false
		}
	}
	k.hear()
	if want := []int{1, 3}; !slices.Equal(*order, want) {
		t.Errorf("input of %v was handled, want that of %v", *order, want)
	}
	if closed.got > 0 {
		t.Error("a transport got input behind its Close")
	}
}

// deaf is a Sink that wants no input.
type deaf struct {
	Sink
	got int
	end *Conn // that it ends over input, if not nil
}

func (d *deaf) Received(b []byte) int {
	d.got++
	if d.end != nil {
		d.end.kill(nil)
	}
	return len(b)
}

// A Goexit in a conn's handler keeps neither what waits behind it, nor the event
// that all of it is handled before.
func TestInputThatWaitsSurvivesGoexit(t *testing.T) {
	k := newRounds(t, gatherMost)
	k.gather()
	k.read(0)
	k.p.OnTraffic(k.conns[1])
	k.p.OnTraffic(k.conns[2])
	order := new([]int)
	k.work = func(i int) {
		*order = append(*order, i)
		if i == 1 {
			runtime.Goexit()
		}
	}
	k.conns[3].in = make([]byte, heldMost+1)
	k.p.OnTraffic(k.conns[3])
	if want := []int{1, 2, 3}; !slices.Equal(*order, want) {
		t.Errorf("input of %v was handled, want that of %v", *order, want)
	}
}

// A handler that stops the reactor is the last one: what waits is handled by
// callbacks to come, which wait for the next Run.
func TestInputThatWaitsIsNotHandledBehindAStop(t *testing.T) {
	k := newRounds(t, gatherMost)
	k.gather()
	k.read(0)
	turns := make(map[int]uint64)
	k.work = func(i int) {
		turns[i] = k.l.turns.Load()
		if i == 2 {
			k.l.r.halt.Store(true) // the reactor is not running: park returns at once
		}
	}
	k.conns[4].in = make([]byte, heldMost+1)
	for _, c := range k.conns[1:5] {
		k.p.OnTraffic(c)
	}
	if len(turns) != 4 || turns[1] != turns[2] || turns[2] == turns[3] {
		t.Errorf("callbacks had the turns %v", turns)
	}
}

// deadEnd is a gnet conn whose writes fail, which closes it, as gnet does.
type deadEnd struct {
	*stillConn
	k  *rounds
	fd int
}

func (d *deadEnd) Fd() int { return d.fd }

func (d *deadEnd) Write([]byte) (int, error) {
	d.k.p.OnClose(d, os.NewSyscallError("write", unix.EPIPE))
	return 0, unix.EPIPE
}

// What was read last waits too while input before it is handled: should that end
// the conn by a write that fails, it comes behind it, and before what the kernel
// still has.
func TestLastInputBehindAFailedWrite(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	unix.Write(fds[1], []byte("Z"))
	unix.Shutdown(fds[0], unix.SHUT_WR)
	k := newRounds(t, gatherMost)
	k.gather()
	k.read(0)
	var got string
	s := k.conns[1].ctx.(*socket)
	s.gc = &deadEnd{k.conns[1], k, fds[0]}
	s.handler = &hooks{
		received: func(c *Conn, b []byte) int {
			for _, x := range b {
				if x != 0 {
					got += string(x)
				}
			}
			if b[0] == 'X' {
				out := c.Out()
				out.B = append(out.B, make([]byte, unloadFrom)...)
			}
			return len(b)
		},
		closed: func(*Conn, error) { got += " end" },
	}
	k.conns[1].in = []byte("X")
	k.p.OnTraffic(k.conns[1])
	k.conns[1].in = append(make([]byte, heldMost), 'Y')
	k.conns[1].in[0] = 'Y'
	k.p.OnTraffic(k.conns[1])
	for k.rings++; k.rings > 0; { // its input is the conn's now, for turns to come
		k.hear()
	}
	if got != "XYYZ end" {
		t.Errorf("got %q, want X, Y, Z and the end", got)
	}
}

// A conn that ends over what waits takes no more, whatever was read last.
func TestLastInputOfAnEndedConn(t *testing.T) {
	k := newRounds(t, gatherMost)
	k.gather()
	k.read(0)
	s := k.conns[1].ctx.(*socket)
	d := &deaf{Sink: s.conn(), end: s.conn()}
	s.put().sink = d // as of a Wrapper's transport
	k.p.OnTraffic(k.conns[1])
	k.conns[1].in = make([]byte, heldMost+1)
	k.p.OnTraffic(k.conns[1])
	if d.got != 1 {
		t.Errorf("a transport got input %d times, want once, before its Close", d.got)
	}
}

// A handler may append to what it is lent.
func TestInputThatWaitsIsNobodyElsesToWrite(t *testing.T) {
	k := newRounds(t, gatherMost)
	k.gather()
	k.read(0)
	k.conns[1].ctx.(*socket).handler = &hooks{received: func(_ *Conn, b []byte) int {
		_ = append(b, "other"...)
		return len(b)
	}}
	var got string
	k.conns[2].ctx.(*socket).handler = &hooks{received: func(_ *Conn, b []byte) int { got = string(b); return len(b) }}
	k.conns[1].in = make([]byte, heldMost)
	k.conns[2].in = []byte("words")
	k.p.OnTraffic(k.conns[1])
	k.p.OnTraffic(k.conns[2])
	k.hear()
	if got != "words" {
		t.Errorf("got %q, want what was sent", got)
	}
}
