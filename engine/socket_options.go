package engine

// The options of sockets that are listened at, dialled and accepted.

import (
	"context"
	"net"
	"strings"
	"syscall"
)

// control sets up a socket before it is bound or connected, as in net.Dialer.
type control func(ctx context.Context, network, address string, c syscall.RawConn) error

// listenConfig is Config.ListenConfig with the options that Config has itself.
func (c *Config) listenConfig() *net.ListenConfig {
	lc, program := c.ListenConfig, c.ListenConfig.Control
	lc.Control = func(network, address string, rc syscall.RawConn) error {
		if err := c.options(network, rc, c.ReusePort); err != nil || program == nil {
			return err
		}
		return program(network, address, rc)
	}
	return &lc
}

// dialer is Config.Dialer with the options that Config has itself.
func (c *Config) dialer() *net.Dialer {
	d, program := c.Dialer, control(c.Dialer.ControlContext)
	if simple := d.Control; program == nil && simple != nil {
		program = func(_ context.Context, network, address string, rc syscall.RawConn) error {
			return simple(network, address, rc)
		}
	}
	d.ControlContext = func(ctx context.Context, network, address string, rc syscall.RawConn) error {
		if err := c.options(network, rc, false); err != nil || program == nil {
			return err
		}
		return program(ctx, network, address, rc)
	}
	return &d
}

// options sets what Config has to say about a socket. The kernel settles on the
// window of a TCP conn when that is connected, so the buffers are set before.
func (c *Config) options(network string, rc syscall.RawConn, reuse bool) (err error) {
	e := rc.Control(func(fd uintptr) {
		if reuse && strings.HasPrefix(network, "tcp") {
			err = reusePort(fd)
		}
		if err == nil {
			err = setBuffers(fd, c.SendBuffer, c.RecvBuffer)
		}
	})
	if e != nil {
		return e
	}
	return err
}

// setUp sets up an accepted socket. A Unix socket does not inherit the sizes of
// its buffers.
func (c *Config) setUp(nc net.Conn) {
	if u, ok := nc.(*net.UnixConn); ok && (c.SendBuffer > 0 || c.RecvBuffer > 0) {
		if rc, err := u.SyscallConn(); err == nil {
			c.options("unix", rc, false)
		}
	}
	compact(nc)
}
