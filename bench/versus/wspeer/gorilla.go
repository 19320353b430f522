package wspeer

import (
	"context"
	"io"
	"net/http"

	"github.com/gorilla/websocket"

	"github.com/packetmq/packetmq/bench/versus/echo"
)

// Gorilla is gorilla/websocket: a goroutine per conn, ReadMessage and WriteMessage.
func Gorilla(ctx context.Context, addr, mode string, out io.Writer) error {
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	return serveHTTP(ctx, addr, mode, out, func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		defer context.AfterFunc(ctx, func() { c.Close() })()
		e, err := echo.New(mode)
		var reply []byte
		for err == nil {
			var message []byte
			if _, message, err = c.ReadMessage(); err != nil {
				return
			}
			if reply, err = answer(e, reply[:0], message); err == nil {
				err = c.WriteMessage(websocket.BinaryMessage, reply)
			}
		}
	})
}
