// Package nbiopeer is the server on nbio: one poller, and one Write for the
// answers to all that it was given.
package nbiopeer

import (
	"context"
	"fmt"
	"io"
	"net"

	"github.com/lesismal/nbio"
	"github.com/lesismal/nbio/logging"

	"github.com/packetmq/packetmq/bench/versus/echo"
)

// Serve reads up to 256 KiB at once.
func Serve(ctx context.Context, addr, mode string, out io.Writer) error {
	e, err := echo.New(mode)
	if err != nil {
		return err
	}
	logging.SetLevel(logging.LevelError)
	engine := nbio.NewEngine(nbio.Config{
		Network:        "tcp",
		Addrs:          []string{addr},
		NPoller:        1,
		ReadBufferSize: 256 << 10,
		Listen: func(network, addr string) (net.Listener, error) {
			ln, err := net.Listen(network, addr)
			if err == nil {
				fmt.Fprintln(out, "listening", ln.Addr())
			}
			return ln, err
		},
	})
	s := &server{echo: e}
	engine.OnData(func(c *nbio.Conn, data []byte) {
		if err := s.answer(c, data); err != nil {
			c.Close()
		}
	})
	if err := engine.Start(); err != nil {
		return err
	}
	<-ctx.Done()
	engine.Stop()
	return nil
}

// server is only used by the one poller.
type server struct {
	echo *echo.Echo
	out  []byte
}

// answer keeps the start of a frame as the conn's session.
func (s *server) answer(c *nbio.Conn, data []byte) error {
	if kept, ok := c.Session().([]byte); ok {
		data = append(kept, data...)
	}
	var used int
	var err error
	if s.out, used, err = s.echo.AppendAll(s.out[:0], data); err != nil {
		return err
	}
	switch rest := data[used:]; {
	case len(rest) > 0:
		c.SetSession(append([]byte(nil), rest...))
	case c.Session() != nil:
		c.SetSession(nil)
	}
	if used > 0 {
		_, err = c.Write(s.out)
	}
	return err
}
