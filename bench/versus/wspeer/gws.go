package wspeer

import (
	"context"
	"io"
	"net/http"

	"github.com/lxzan/gws"

	"github.com/packetmq/packetmq/bench/versus/echo"
)

// GWS is lxzan/gws: a goroutine per conn, which calls OnMessage.
func GWS(ctx context.Context, addr, mode string, out io.Writer) error {
	up := gws.NewUpgrader(&gwsEvents{mode: mode}, nil)
	return serveHTTP(ctx, addr, mode, out, func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(w, r)
		if err != nil {
			return
		}
		context.AfterFunc(ctx, func() { c.NetConn().Close() })
		go c.ReadLoop()
	})
}

type gwsEvents struct {
	gws.BuiltinEventHandler
	mode string
}

// gwsConn is what a conn keeps in its session.
type gwsConn struct {
	echo  *echo.Echo
	reply []byte
}

func (h *gwsEvents) OnOpen(c *gws.Conn) {
	e, _ := echo.New(h.mode) // serveHTTP has tried it
	c.Session().Store("conn", &gwsConn{echo: e})
}

func (h *gwsEvents) OnMessage(c *gws.Conn, message *gws.Message) {
	defer message.Close()
	v, _ := c.Session().Load("conn")
	own := v.(*gwsConn)
	var err error
	if own.reply, err = answer(own.echo, own.reply[:0], message.Bytes()); err == nil {
		err = c.WriteMessage(gws.OpcodeBinary, own.reply)
	}
	if err != nil {
		c.NetConn().Close()
	}
}
