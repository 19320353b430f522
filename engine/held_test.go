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
}

func (d *deaf) Received(b []byte) int {
	d.got++
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
