package netrpcpeer

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/rpc"

	"github.com/packetmq/packetmq/bench/versus/caller"
)

const (
	service = "Bench"
	method  = service + ".Echo"
)

// Bench is the service. net/rpc finds its methods only if their names are exported.
type Bench struct{}

// Echo answers with what it was asked.
func (Bench) Echo(ask, answer *caller.Value) error {
	*answer = *ask
	return nil
}

// Serve serves at addr until ctx is done. The mode can only be call.
func Serve(ctx context.Context, addr, mode string, out io.Writer) error {
	if mode != "call" {
		return fmt.Errorf("netrpcpeer: no mode %q: want call", mode)
	}
	s := rpc.NewServer()
	if err := s.RegisterName(service, Bench{}); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	fmt.Fprintln(out, "listening", ln.Addr())
	for {
		nc, err := ln.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		go func() {
			defer context.AfterFunc(ctx, func() { nc.Close() })()
			s.ServeConn(nc) // which closes it
		}()
	}
}
