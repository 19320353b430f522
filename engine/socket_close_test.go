//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

// How a socket ends whose other side has ended while input of it was left.

import (
	"errors"
	"io"
	"net"
	"testing"
)

// atEnd is a handler's Received that takes nothing until the end has come
// after the input, and then has take do so.
func atEnd(take func(c *Conn, b []byte) int) func(c *Conn, b []byte) int {
	return func(c *Conn, b []byte) int {
		if c.tr.(*socket).end() == nil {
			return 0
		}
		return take(c, b)
	}
}

// Input that was held back is delivered to the last byte though the answers to
// it have nowhere to go any more.
func TestAnswerToHeldInputAfterTheEnd(t *testing.T) {
	const size = 5000
	r := start(t, nil)
	got := 0
	ended := make(chan error, 1)
	nc := serve(t, r, &hooks{
		received: atEnd(func(c *Conn, b []byte) int {
			got++
			return echo(c, b[:1])
		}),
		closed: func(_ *Conn, err error) { ended <- err },
	})
	nc.Write(make([]byte, size))
	nc.(*net.TCPConn).CloseWrite()
	if err := wait(t, "end", ended); got != size || !errors.Is(err, io.EOF) {
		t.Errorf("%d of %d bytes were delivered, then Closed(%v)", got, size, err)
	}
}

// Finish drops the input that the end waits for, and so the end comes.
func TestFinishWithHeldInputBeforeTheEnd(t *testing.T) {
	r := start(t, nil)
	ended := make(chan error, 1)
	nc := serve(t, r, &hooks{
		received: atEnd(func(c *Conn, b []byte) int { c.Finish(patience); return 1 }),
		closed:   func(_ *Conn, err error) { ended <- err },
	})
	nc.Write(make([]byte, 5000))
	nc.Close()
	if err := wait(t, "end", ended); err != nil && err != io.EOF { // whichever was seen first
		t.Errorf("Closed(%v), want an end in order", err)
	}
}
