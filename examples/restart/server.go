package main

// The server, in the order of its life: take over, serve, offer, be replaced, drain.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/restart"
	"github.com/packetmq/packetmq/session"
)

// Count is what a client sends, numbered from 0 on, and what it is answered.
type Count struct {
	N      int
	Server int  // the process that answers
	Wrong  bool // N was not the number after the last one
}

// count is both, in a session.
var count = registry.Define[Count]("restart:count", 20)

// serve serves until ctx is done or another process has taken over.
func serve(ctx context.Context, addr, control string, out io.Writer) error {
	reg := registry.New()
	reg.MustAdd(count)
	srv := peer.NewServer(reg, nil)
	defer srv.Close()
	sessions := session.Serve(srv, &session.Config{OnNew: func(s *session.Session) { s.SetData(new(client)) }})
	peer.Handle(srv, count, answer)

	r, err := restart.New(&restart.Config{Path: control, States: []restart.State{stateOf(sessions)}})
	if err != nil {
		return err
	}
	defer r.Close()
	if err := srv.RunAsync(); err != nil { // imported sessions need their loop
		return err
	}
	sockets, err := r.Take(ctx) // from here on the old process accepts nothing
	first := errors.Is(err, restart.ErrNobody)
	if err != nil && !first {
		return err
	}
	if err := r.Commit(ctx); err != nil { // from here on it does not serve any more
		return err
	}
	ln, err := listen(srv, sockets, first, addr)
	if err != nil {
		return err
	}
	if err := r.Offer(restart.Listener{Name: "game", Listener: ln}); err != nil {
		return err
	}
	fmt.Fprintln(out, "serving", ln.Addr())

	select {
	case <-r.Replaced(): // clients come back at once: the new process has the listener
		return srv.Drain(context.Background(), peer.Drain{Over: 100 * time.Millisecond, Comeback: peer.ComebackLater})
	case <-ctx.Done():
		return srv.Shutdown(context.Background())
	}
}

// listen accepts at what another process has given, or at addr.
func listen(srv *peer.Server, sockets []restart.Socket, first bool, addr string) (*engine.Listener, error) {
	if first {
		var err error
		if sockets, err = restart.Inherited(); err != nil {
			return nil, err
		}
		restart.CleanEnvironment()
	}
	if len(sockets) == 0 {
		return srv.Listen(addr)
	}
	return srv.Serve(sockets[0].Listener)
}

// client is what the server keeps of each client, for as long as its session lives.
type client struct {
	next int // the number that is to come
}

// answer answers each packet in its session.
func answer(c *peer.Conn, v *Count) error {
	s := session.Of(c)
	if s == nil {
		return errors.New("not in a session")
	}
	own := s.Data().(*client)
	wrong := v.N != own.next
	own.next = v.N + 1
	return session.Send(s, count, &Count{N: v.N, Server: os.Getpid(), Wrong: wrong})
}
