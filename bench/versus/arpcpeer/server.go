package arpcpeer

import (
	"context"
	"fmt"
	"io"
	"net"

	"github.com/lesismal/arpc"
	"github.com/lesismal/arpc/log"

	"github.com/packetmq/packetmq/bench/versus/caller"
)

const method = "bench/echo"

// Serve serves at addr until ctx is done. The mode can only be call.
func Serve(ctx context.Context, addr, mode string, out io.Writer) error {
	if mode != "call" {
		return fmt.Errorf("arpcpeer: no mode %q: want call", mode)
	}
	log.SetLevel(log.LevelNone) // it logs to standard output
	s := arpc.NewServer()
	s.Codec = mp{}
	s.Handler.Handle(method, func(c *arpc.Context) {
		var v caller.Value
		if err := c.Bind(&v); err != nil {
			c.Error(err)
			return
		}
		c.Write(&v)
	})
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	fmt.Fprintln(out, "listening", ln.Addr())
	if err := s.Serve(ln); ctx.Err() == nil {
		return err
	}
	return nil
}
