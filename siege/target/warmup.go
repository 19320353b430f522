package target

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/wire"
)

// clogBytes are more than the kernels take for a conn with a narrow window.
const clogBytes = 4 << 20

// warmUp has the server do once everything that leaves something allocated for
// good, and notes what it has in use afterwards.
func (s *Server) warmUp(ctx context.Context) error {
	c, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	err = c.Echo(wire.NewPacket(1, 1, 64), false)
	c.Reset()
	if err == nil {
		err = s.clog(ctx)
	}
	if err != nil {
		return err
	}
	s.Before, err = s.WaitIdle(ctx)
	return err
}

// clog has the server meet a socket that takes no more. The server starts a
// goroutine for such sockets and keeps it.
func (s *Server) clog(ctx context.Context) error {
	c, err := s.DialNarrow(ctx)
	if err != nil {
		return err
	}
	defer c.Reset()
	if err := c.HandshakeWith(s.Handshake()); err != nil {
		return err
	}
	b := wire.NewPacket(1, 1, 60<<10).Append(nil)
	c.SetWriteDeadline(time.Now().Add(client.Patience))
	for range clogBytes / len(b) {
		if err := c.Send(wire.IDEcho, b); err != nil {
			return err
		}
	}
	return s.WaitHandled(ctx, []*client.Conn{c})
}

// WaitHandled waits until the server has handled what was sent on conns.
func (s *Server) WaitHandled(ctx context.Context, conns []*client.Conn) error {
	for late := time.Now().Add(2 * client.Patience); ; {
		waits, err := Queued(conns)
		if err != nil {
			return err
		}
		if !waits {
			break
		}
		if time.Now().After(late) {
			return errors.New("the server does not read")
		}
		if err := client.Sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	// The server handles what it has read in turns, so after enough turns of
	// another conn it is through.
	c, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	for seq := range uint64(200) {
		if err := c.Echo(wire.NewPacket(1<<20, seq, 8), !s.Reorders); err != nil {
			return err
		}
	}
	return nil
}

// Queued reports whether the kernel still holds something that was sent on conns
// and that the server has not read.
func Queued(conns []*client.Conn) (bool, error) {
	b, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return false, err
	}
	ours := make(map[string]bool)
	for _, c := range conns {
		a := c.LocalAddr().(*net.TCPAddr)
		ip := a.IP.To4()
		ours[fmt.Sprintf("%02X%02X%02X%02X:%04X", ip[3], ip[2], ip[1], ip[0], a.Port)] = true
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line) // number, local, remote, state, sent:received …
		if len(f) < 5 {
			continue
		}
		sent, received, _ := strings.Cut(f[4], ":")
		if ours[f[1]] && sent != "00000000" || ours[f[2]] && received != "00000000" {
			return true, nil
		}
	}
	return false, nil
}
