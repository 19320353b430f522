package wspeer

import (
	"context"
	"io"
	"net/http"

	"github.com/coder/websocket"

	"github.com/packetmq/packetmq/bench/versus/echo"
)

// Coder is coder/websocket: a goroutine per conn, Read and Write.
func Coder(ctx context.Context, addr, mode string, out io.Writer) error {
	return serveHTTP(ctx, addr, mode, out, func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(echo.MaxFrame + echo.Header)
		e, err := echo.New(mode)
		var reply []byte
		for err == nil {
			var message []byte
			if _, message, err = c.Read(ctx); err != nil {
				return
			}
			if reply, err = answer(e, reply[:0], message); err == nil {
				err = c.Write(ctx, websocket.MessageBinary, reply)
			}
		}
	})
}
