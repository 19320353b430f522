package wspeer

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/lesismal/nbio/logging"
	"github.com/lesismal/nbio/nbhttp"
	"github.com/lesismal/nbio/nbhttp/websocket"

	"github.com/packetmq/packetmq/bench/versus/echo"
)

// NBIO is nbio's own WebSocket: one poller, and handlers on its pool of goroutines.
func NBIO(ctx context.Context, addr, mode string, out io.Writer) error {
	if _, err := echo.New(mode); err != nil {
		return err
	}
	logging.SetLevel(logging.LevelError)
	up := websocket.NewUpgrader()
	up.OnOpen(func(c *websocket.Conn) {
		e, _ := echo.New(mode)
		c.SetSession(&gwsConn{echo: e})
	})
	up.OnMessage(func(c *websocket.Conn, _ websocket.MessageType, message []byte) {
		own := c.Session().(*gwsConn)
		var err error
		if own.reply, err = answer(own.echo, own.reply[:0], message); err == nil {
			err = c.WriteMessage(websocket.BinaryMessage, own.reply)
		}
		if err != nil {
			c.Close()
		}
	})
	engine := nbhttp.NewEngine(nbhttp.Config{
		Network: "tcp",
		Addrs:   []string{addr},
		NPoller: 1,
		Listen: func(network, addr string) (net.Listener, error) {
			ln, err := net.Listen(network, addr)
			if err == nil {
				fmt.Fprintln(out, "listening", ln.Addr())
			}
			return ln, err
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { up.Upgrade(w, r, nil) }),
	})
	if err := engine.Start(); err != nil {
		return err
	}
	<-ctx.Done()
	engine.Stop()
	return nil
}
