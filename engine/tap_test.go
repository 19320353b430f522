package engine

import (
	"fmt"
	"io"
	"slices"
	"testing"
	"time"
)

// told is a Tap that notes what it is told.
type told []string

func (k *told) add(format string, args ...any) { *k = append(*k, fmt.Sprintf(format, args...)) }

func (k *told) Opened(*Conn)                { k.add("opened") }
func (k *told) Received(_ *Conn, b []byte)  { k.add("received %s", b) }
func (k *told) Took(_ *Conn, n int)         { k.add("took %d", n) }
func (k *told) Sent(_ *Conn, b []byte)      { k.add("sent %s", b) }
func (k *told) Ended(_ *Conn, err error)    { k.add("ended %v", err) }
func (k *told) Closed(_ *Conn, err error)   { k.add("closed %v", err) }
func (k *told) Called(*Loop)                { k.add("called") }
func (k *told) Fired(_ *Loop, timer uint64) { k.add("fired %d", timer) }
func (k *told) Expired(*Conn)               { k.add("expired") }
func (k *told) Pressed(*Conn, bool)         { k.add("pressed") }
func (k *told) Drained(*Conn)               { k.add("drained") }
func (k *told) Offloaded(_ *Loop, n uint64, v any, err error) {
	k.add("offloaded %d %v %v", n, v, err)
}

// tapped is a handler that takes three bytes at a time and answers them.
func tapped() *hooks {
	return &hooks{received: func(c *Conn, b []byte) int { return echo(c, b[:min(3, len(b))]) }}
}

func TestATapIsToldWhatHappensInItsOrder(t *testing.T) {
	var k told
	v := NewVirtual(&Config{Tap: &k})
	defer v.Close()
	p := new(fakeTransport)
	c := attachFake(t, v.Reactor(), p, tapped())
	v.Settle(100)

	input := []byte("abcde")
	p.pump = func() bool {
		input = input[p.sink.Received(input):]
		return len(input) > 0
	}
	p.sink.Wake(nil)
	v.Settle(100)
	timer := v.Reactor().After(time.Millisecond, func() { c.SetDeadline(1) })
	v.Advance(time.Millisecond)
	v.Settle(100)
	v.Reactor().Post(func() {})
	v.Settle(100)
	v.Advance(4 * Tick)
	v.Settle(100)
	p.pump = func() bool {
		p.sink.Ended(io.EOF)
		return false
	}
	p.sink.Wake(nil)
	v.Settle(100)

	want := []string{"opened", "received abcde", "took 3", "sent abc", "received de", "sent de",
		fmt.Sprintf("fired %d", timer.number), "called", "fired 1", "expired", "ended EOF", "closed EOF"}
	if !slices.Equal(k, want) {
		t.Errorf("it was told %q,\nwant %q", k, want)
	}
}

func TestATapIsToldResultsOfOffloadedWork(t *testing.T) {
	var k told
	r := start(t, &Config{Tap: &k})
	done := make(chan []string, 1)
	err := Offload(r.Loops()[0], func() (int, error) { return 7, nil }, func(int, error) { done <- slices.Clone(k) })
	if err != nil {
		t.Fatal(err)
	}
	if got, want := wait(t, "result", done), []string{"called", "offloaded 1 7 <nil>"}; !slices.Equal(got, want) {
		t.Errorf("it was told %q, want %q", got, want)
	}
}
