// Package wspeer has the servers that speak WebSocket: the libraries that packetmq is compared
// with there, each as its own examples have it. A binary message is a frame of packetmq's, and
// each is answered by a message.
package wspeer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/packetmq/packetmq/bench/versus/echo"
)

// errNoFrame ends a conn whose message is not one frame.
var errNoFrame = errors.New("wspeer: a message is not one frame")

// answer appends the answer to a message.
func answer(e *echo.Echo, dst, message []byte) ([]byte, error) {
	dst, used, err := e.AppendAll(dst, message)
	if err == nil && used != len(message) {
		err = errNoFrame
	}
	return dst, err
}

// serveHTTP serves h until ctx is done.
func serveHTTP(ctx context.Context, addr, mode string, out io.Writer, h http.HandlerFunc) error {
	if _, err := echo.New(mode); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: h}
	defer context.AfterFunc(ctx, func() { srv.Close() })()
	fmt.Fprintln(out, "listening", ln.Addr())
	if err := srv.Serve(ln); err != http.ErrServerClosed {
		return err
	}
	return nil
}
