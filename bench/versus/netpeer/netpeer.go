// Package netpeer is the server on net: a goroutine per conn, and bufio on both
// ways, flushed when nothing more has been read.
package netpeer

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"

	"github.com/packetmq/packetmq/bench/versus/echo"
)

// Serve has bufio's default buffers, of 4 KiB.
func Serve(ctx context.Context, addr, mode string, out io.Writer) error {
	return serve(ctx, addr, mode, out, 4<<10)
}

// Serve64K has buffers of 64 KiB: more memory for fewer system calls.
func Serve64K(ctx context.Context, addr, mode string, out io.Writer) error {
	return serve(ctx, addr, mode, out, 64<<10)
}

func serve(ctx context.Context, addr, mode string, out io.Writer, buffer int) error {
	if _, err := echo.New(mode); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	fmt.Fprintln(out, "listening", ln.Addr())
	for {
		c, err := ln.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			defer context.AfterFunc(ctx, func() { c.Close() })()
			_ = answer(c, mode, buffer) // the other side notices
		}()
	}
}

func answer(c net.Conn, mode string, buffer int) error {
	e, err := echo.New(mode)
	if err != nil {
		return err
	}
	r, w := bufio.NewReaderSize(c, buffer), bufio.NewWriterSize(c, buffer)
	var frame, reply []byte
	for {
		head, err := r.Peek(echo.Header)
		if err != nil {
			return err
		}
		n, _, err := echo.Length(head)
		if err != nil {
			return err
		}
		if cap(frame) < n {
			frame = make([]byte, n)
		}
		if _, err = io.ReadFull(r, frame[:n]); err != nil {
			return err
		}
		if reply, err = e.Append(reply[:0], frame[:n]); err != nil {
			return err
		}
		if _, err = w.Write(reply); err != nil {
			return err
		}
		if r.Buffered() > 0 {
			continue
		}
		if err = w.Flush(); err != nil {
			return err
		}
	}
}
