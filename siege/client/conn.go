package client

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/packetmq/packetmq/siege/wire"
)

// Patience is how long a client waits for what is to come at once.
const Patience = 5 * time.Second

// Conn is a socket that speaks the protocol by hand. One goroutine may read and
// another one write.
type Conn struct {
	net.Conn              // TCP, or TLS over it
	TCP      *net.TCPConn // underneath
	in       *bufio.Reader
	frame    []byte // the buffer of ReadFrame
}

func newConn(nc net.Conn, tcp *net.TCPConn) *Conn {
	return &Conn{Conn: nc, TCP: tcp, in: bufio.NewReaderSize(nc, 512)}
}

// Handshake does the handshake.
func (c *Conn) Handshake(adapt bool) error { return c.HandshakeWith(wire.Handshake(adapt)) }

// HandshakeWith says a handshake, and waits for the other side's.
func (c *Conn) HandshakeWith(handshake []byte) error {
	c.SetDeadline(time.Now().Add(Patience))
	defer c.SetDeadline(time.Time{})
	if _, err := c.Write(handshake); err != nil {
		return err
	}
	return c.ReadUntil(wire.IDFinish)
}

// ReadUntil reads up to the first frame of that id.
func (c *Conn) ReadUntil(id uint16) error {
	for {
		f, err := c.ReadFrame()
		if err != nil {
			return fmt.Errorf("waiting for packet %d: %w", id, err)
		}
		if f.ID() == id {
			return nil
		}
	}
}

// ReadFrame reads a frame, which is valid until the next one is read. A softquit
// is an error of type wire.Reason.
func (c *Conn) ReadFrame() (wire.Frame, error) {
	f, err := wire.ReadFrame(c.in, c.frame, wire.MaxFrame)
	if err != nil {
		return nil, err
	}
	c.frame = f[:cap(f)]
	if f.ID() == wire.IDSoftquit {
		return nil, wire.ReadSoftquit(f.Payload())
	}
	return f, nil
}

// Send sends a frame.
func (c *Conn) Send(id uint16, payload []byte) error {
	_, err := c.Write(wire.AppendFrame(nil, id, payload))
	return err
}

// ReadReason reads until the server closes, and returns the reason of the softquit
// before that. The reason is empty if there was none.
func (c *Conn) ReadReason(wait time.Duration) (r wire.Reason, err error) {
	c.SetReadDeadline(time.Now().Add(wait))
	for {
		_, err := c.ReadFrame()
		if errors.As(err, &r) {
			return r, nil
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return "", fmt.Errorf("neither a softquit nor an end within %v", wait)
		}
		if err != nil {
			return "", nil
		}
	}
}

// Reset closes with an RST: nothing is left of the conn, on this side either.
func (c *Conn) Reset() {
	c.TCP.SetLinger(0)
	c.Close()
}

// Echo sends a packet and waits for its reply.
func (c *Conn) Echo(p wire.Packet, exact bool) error {
	c.SetDeadline(time.Now().Add(Patience))
	if err := c.Send(wire.IDEcho, p.Append(nil)); err != nil {
		return err
	}
	f, err := c.ReadFrame()
	if err != nil {
		return err
	}
	return p.Check(f, exact)
}
