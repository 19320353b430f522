package centrifugepeer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/centrifugal/centrifuge"
)

// channel is what members subscribe to.
const channel = "room"

// Serve serves at addr until ctx is done. The mode is room.
func Serve(ctx context.Context, addr, mode string, out io.Writer) error {
	if mode != "room" {
		return fmt.Errorf("centrifugepeer: no mode %q: want room", mode)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	node, err := newNode()
	if err != nil {
		ln.Close()
		return err
	}
	handler := centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{
		PingPongConfig: centrifuge.PingPongConfig{PingInterval: -1, PongTimeout: -1}, // the load is no client that answers
	})
	srv := &http.Server{Handler: handler}
	context.AfterFunc(ctx, func() {
		node.Shutdown(context.WithoutCancel(ctx))
		srv.Close()
	})
	fmt.Fprintln(out, "listening", ln.Addr())
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// newNode makes a node on which everybody may subscribe and publish.
func newNode() (*centrifuge.Node, error) {
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		return nil, err
	}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{Credentials: &centrifuge.Credentials{}}, nil
	})
	node.OnConnect(func(c *centrifuge.Client) {
		c.OnSubscribe(func(_ centrifuge.SubscribeEvent, done centrifuge.SubscribeCallback) {
			done(centrifuge.SubscribeReply{}, nil)
		})
		c.OnPublish(func(_ centrifuge.PublishEvent, done centrifuge.PublishCallback) { done(centrifuge.PublishReply{}, nil) })
	})
	return node, node.Run()
}
