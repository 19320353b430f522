package siege

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/packetmq/packetmq/codec"
)

// Ids on the wire: those of the protocol, and those that the server insists on.
const (
	idInit, idSoftquit, idPubIDs, idFinish = 0, 1, 2, 3

	idPing, idPong = 14, 15 // heartbeats, and their answers

	idEcho, idReply = 17, 18
)

const (
	maxFrame = 1 << 20         // of id and payload, as the server announces it
	patience = 5 * time.Second // for what is to come at once
)

// text is a msgpack string.
func text(s string) []byte { return codec.AppendString(nil, s) }

// initPayload announces version 1 and the largest frame, and no heartbeats: the
// server then waits for ever.
func initPayload() []byte {
	b := codec.AppendUint(codec.AppendString(codec.AppendMapHeader(nil, 2), "version"), 1)
	return codec.AppendUint(codec.AppendString(b, "maxframe"), maxFrame)
}

// beatingInit is initPayload of a side that knows heartbeats: then it may send
// them, and their answers.
func beatingInit() []byte {
	b := initPayload()
	b[0]++ // a pair more
	return codec.AppendBool(codec.AppendString(b, "heartbeat"), true)
}

// idPair is a name and its id in an id map.
type idPair struct {
	name string
	id   uint64
}

func allIDs() []idPair {
	return []idPair{
		{"packetmq:handshake_init", idInit}, {"packetmq:softquit", idSoftquit},
		{"packetmq:handshake_pubids", idPubIDs}, {"packetmq:handshake_finish", idFinish},
		{"bench:echo", idEcho}, {"bench:reply", idReply},
	}
}

func pubIDsPayload(adapt bool, ids []idPair) []byte {
	b := codec.AppendBool(codec.AppendString(codec.AppendMapHeader(nil, 2), "adapt"), adapt)
	b = codec.AppendMapHeader(codec.AppendString(b, "idmap"), len(ids))
	for _, p := range ids {
		b = codec.AppendUint(codec.AppendString(b, p.name), p.id)
	}
	return b
}

// handshake is all that a client says before its first packet.
func handshake(adapt bool) []byte { return handshakeOf(initPayload(), adapt) }

func handshakeOf(init []byte, adapt bool) []byte {
	b := codec.AppendFrame(nil, idInit, init)
	b = codec.AppendFrame(b, idPubIDs, pubIDsPayload(adapt, allIDs()))
	return codec.AppendFrame(b, idFinish, []byte{0xc0})
}

// conn is a socket that speaks the protocol by hand. It is one goroutine's, but
// for writes, which another may make.
type conn struct {
	net.Conn              // over TCP, or over TLS
	tcp      *net.TCPConn // underneath
	in       *bufio.Reader
	frame    []byte
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
func (c *conn) next() (codec.Frame, error) {
	var head [codec.LengthSize]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(head[:]))
	if n < codec.IDSize || n > maxFrame {
		return nil, fmt.Errorf("the server sent a frame of %d bytes", n)
	}
	if cap(c.frame) < n {
		c.frame = make([]byte, n)
	}
	f := codec.Frame(c.frame[:n])
	if _, err := io.ReadFull(c.in, f); err != nil {
		return nil, err
	}
	if f.ID() == idSoftquit {
		return nil, softquitReason(f.Payload())
	}
	return f, nil
}

// reason is a softquit.
type reason string

func (r reason) Error() string { return string(r) }

func softquitReason(b []byte) error {
	n, b, err := codec.ReadMapHeader(b)
	if err != nil || n != 1 {
		return fmt.Errorf("the server sent a softquit that is none: %x", b)
	}
	if _, b, err = codec.ReadText(b); err != nil {
		return err
	}
	why, _, err := codec.ReadText(b)
	if err != nil {
		return err
	}
	return reason(why)
}

// send sends a frame.
func (c *conn) send(id uint16, payload []byte) error {
	_, err := c.Write(codec.AppendFrame(nil, id, payload))
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

// packet is a payload that tells whose it is, in every eight bytes of its body.
type packet struct {
	tag, seq uint64
	size     int // of the body
}

func (p packet) append(b []byte) []byte {
	b = codec.AppendMapHeader(b, 3)
	b = codec.AppendUint(codec.AppendString(b, "seq"), p.seq)
	b = codec.AppendUint(codec.AppendString(b, "ts"), p.tag)
	b = codec.AppendBytes(codec.AppendString(b, "body"), make([]byte, p.size))
	word := p.tag<<24 ^ p.seq
	for i := len(b) - p.size; i+8 <= len(b); i += 8 {
		binary.BigEndian.PutUint64(b[i:], word)
	}
	return b
}

// check compares a reply with what was sent. A server that decodes may order
// the fields anew, so only its body is compared then.
func (p packet) check(f codec.Frame, exact bool) error {
	sent := p.append(nil)
	same := bytes.Equal(f.Payload(), sent)
	if !exact && !same {
		same = len(f.Payload()) == len(sent) && bytes.Contains(f.Payload(), sent[len(sent)-p.size:])
	}
	if f.ID() == idReply && same {
		return nil
	}
	return &foreignError{tag: p.tag, seq: p.seq, got: append([]byte(nil), f[:min(len(f), 64)]...)}
}

// foreignError is a reply that is not the one to what was asked.
type foreignError struct {
	tag, seq uint64
	got      []byte
}

func (e *foreignError) Error() string {
	return fmt.Sprintf("the reply to packet %d of conn %d begins %x", e.seq, e.tag, e.got)
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
