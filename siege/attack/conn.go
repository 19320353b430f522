package attack

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/packetmq/packetmq/siege/wire"
)

const patience = 5 * time.Second // for what is to come at once

// conn is a socket that speaks the protocol by hand. It is one goroutine's, but
// for writes, which another may make.
type conn struct {
	net.Conn              // over TCP, or over TLS
	tcp      *net.TCPConn // underneath
	in       *bufio.Reader
	frame    []byte // room for the one that is read
}

func newConn(nc net.Conn, tcp *net.TCPConn) *conn {
	return &conn{Conn: nc, tcp: tcp, in: bufio.NewReaderSize(nc, 512)}
}

// shake does the handshake.
func (c *conn) shake(adapt bool) error { return c.say(handshake(adapt)) }

// say says a handshake, and waits for the other side's.
func (c *conn) say(handshake []byte) error {
	c.SetDeadline(time.Now().Add(patience))
	defer c.SetDeadline(time.Time{})
	if _, err := c.Write(handshake); err != nil {
		return err
	}
	return c.until(idFinish)
}

// until reads up to the first frame of that id.
func (c *conn) until(id uint16) error {
	for {
		f, err := c.next()
		if err != nil {
			return fmt.Errorf("waiting for packet %d: %w", id, err)
		}
		if f.ID() == id {
			return nil
		}
	}
}

// next reads a frame, which is valid until the next one is read. A softquit is
// an error of type reason.
func (c *conn) next() (wire.Frame, error) {
	f, err := wire.ReadFrame(c.in, c.frame, maxFrame)
	if err != nil {
		return nil, err
	}
	c.frame = f[:cap(f)]
	if f.ID() == idSoftquit {
		return nil, softquitReason(f.Payload())
	}
	return f, nil
}

// reason is a softquit.
type reason string

func (r reason) Error() string { return string(r) }

func softquitReason(b []byte) error {
	n, b, err := wire.ReadMap(b)
	if err != nil || n != 1 {
		return fmt.Errorf("the server sent a softquit that is none: %x", b)
	}
	if _, b, err = wire.ReadText(b); err != nil {
		return err
	}
	why, _, err := wire.ReadText(b)
	if err != nil {
		return err
	}
	return reason(why)
}

// send sends a frame.
func (c *conn) send(id uint16, payload []byte) error {
	_, err := c.Write(wire.AppendFrame(nil, id, payload))
	return err
}

// why reads to the end and returns the reason of the softquit on the way; empty
// if there was none.
func (c *conn) why(wait time.Duration) (r reason, err error) {
	c.SetReadDeadline(time.Now().Add(wait))
	for {
		_, err := c.next()
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

// reset closes with an RST: nothing is left of the conn, on this side either.
func (c *conn) reset() {
	c.tcp.SetLinger(0)
	c.Close()
}

// echo sends a packet and waits for its reply.
func (c *conn) echo(p packet, exact bool) error {
	c.SetDeadline(time.Now().Add(patience))
	if err := c.send(idEcho, p.append(nil)); err != nil {
		return err
	}
	f, err := c.next()
	if err != nil {
		return err
	}
	return p.check(f, exact)
}
