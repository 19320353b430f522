package packetmqpeer

// The server of rooms and of sessions.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/packetmq/packetmq/bench/versus/caller"
	"github.com/packetmq/packetmq/bench/versus/echo"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/session"
)

// Serve serves at addr, with the default options, until ctx is done. The mode is room or topic;
// session, which answers in the session of each packet; or typed, which does the same without.
func Serve(ctx context.Context, addr, mode string, out io.Writer) error {
	packets := []registry.Definition{joins, says, heard}
	asked := registry.Define[caller.Value](ask.Name(), echo.RequestID, registry.Reuse())
	if mode == "typed" || mode == "session" {
		packets = []registry.Definition{asked, reply}
	}
	reg := registry.New()
	if err := reg.Add(packets...); err != nil {
		return err
	}
	srv := peer.NewServer(reg, &peer.Config{Logger: slog.New(slog.DiscardHandler)})
	defer srv.Close()
	switch mode {
	case "room", "topic":
		serveRoom(srv, mode == "topic")
	case "typed":
		peer.Handle(srv, asked, func(c *peer.Conn, v *caller.Value) error { return peer.Reply(c, reply, v) })
	case "session":
		session.Serve(srv, nil)
		peer.Handle(srv, asked, func(c *peer.Conn, v *caller.Value) error {
			if v.Seq == cutNow {
				c.Abort(errCut)
				return nil
			}
			return session.Send(session.Of(c), reply, v)
		})
	default:
		return fmt.Errorf("packetmqpeer: no mode %q: want room, topic, session or typed", mode)
	}
	if err := srv.RunAsync(); err != nil {
		return err
	}
	ln, err := srv.Listen("tcp://" + addr)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "listening", ln.Addr())
	select {
	case <-ctx.Done():
		return srv.Shutdown(context.WithoutCancel(ctx))
	case <-srv.Reactor().Done():
		return errors.New("the reactor has failed")
	}
}
