package melodypeer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/olahol/melody"
)

// Serve serves at addr until ctx is done. The mode is room.
func Serve(ctx context.Context, addr, mode string, out io.Writer) error {
	if mode != "room" {
		return fmt.Errorf("melodypeer: no mode %q: want room", mode)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	m := melody.New()
	m.Config.MaxMessageSize = 64 << 10
	m.HandleConnect(func(s *melody.Session) { s.WriteBinary([]byte(joined)) })
	m.HandleMessageBinary(func(_ *melody.Session, msg []byte) { m.BroadcastBinary(msg) })
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { m.HandleRequest(w, r) })}
	context.AfterFunc(ctx, func() {
		m.Close()
		srv.Close()
	})
	fmt.Fprintln(out, "listening", ln.Addr())
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
