package engine

import (
	"errors"
	"io"
	"net"
	"runtime"
	"testing"
)

// apologetic is a handler that says something when it has failed.
type apologetic struct {
	*hooks
	failed func(c *Conn, err error)
}

func (h apologetic) Failed(c *Conn, err error) { h.failed(c, err) }

func TestFailer(t *testing.T) {
	said := func(c *Conn, _ error) {
		out := c.Out()
		out.B = append(out.B, "sorry"...)
		c.Finish(patience)
	}
	for _, test := range []struct {
		name   string
		fault  func()
		failed func(c *Conn, err error)
		heard  string
	}{
		{"panic", func() { panic("oh") }, said, "sorry"},
		{"Goexit", runtime.Goexit, said, "sorry"},
		{"ends nothing", func() { panic("oh") }, func(*Conn, error) {}, ""},
		{"panics too", func() { panic("oh") }, func(*Conn, error) { panic("again") }, ""},
		{"calls Goexit too", func() { panic("oh") }, func(*Conn, error) { runtime.Goexit() }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := start(t, nil)
			told, closed := make(chan error, 2), make(chan error, 2)
			var h Handler = apologetic{
				&hooks{
					received: func(*Conn, []byte) int { test.fault(); return 0 },
					closed:   func(_ *Conn, err error) { closed <- err },
				},
				func(c *Conn, err error) {
					told <- err
					test.failed(c, err)
				},
			}
			ln, err := r.Listen("tcp", "127.0.0.1:0", func(net.Conn) (*Conn, Handler) { return new(Conn), h })
			if err != nil {
				t.Fatal(err)
			}
			nc := dial(t, ln)
			nc.Write([]byte("x"))
			heard, _ := io.ReadAll(nc)
			if string(heard) != test.heard {
				t.Errorf("heard %q, want %q", heard, test.heard)
			}
			nc.Close()
			if err := wait(t, "the failure", told); !isFailure(err) {
				t.Errorf("Failed was told %v", err)
			}
			if err := wait(t, "the end", closed); test.heard == "" && !isFailure(err) {
				t.Errorf("Closed was told %v", err)
			}
			if len(told)+len(closed) > 0 {
				t.Error("told twice")
			}
		})
	}
}

func isFailure(err error) bool {
	_, panicked := errors.AsType[*PanicError](err)
	return panicked || errors.Is(err, ErrGoexit)
}
