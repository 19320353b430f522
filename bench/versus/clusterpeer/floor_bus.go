package clusterpeer

// A conn of the floor's with its server of NATS: the least of a client's protocol.

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/nats-io/nats-server/v2/server"
)

var errFloor = errors.New("clusterpeer: the server of NATS cannot be understood")

// floorBus is a conn with a subscription to what is for one node.
type floorBus struct {
	net.Conn
	from *bufio.Reader
	to   *batch
}

// dialFloorBus connects to s, and returns when what is for the node of a name comes.
func dialFloorBus(s *server.Server, name string) (*floorBus, error) {
	nc, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		return nil, err
	}
	b := &floorBus{nc, bufio.NewReaderSize(nc, 64<<10), newBatch(nc)}
	fmt.Fprintf(nc, "CONNECT {\"verbose\":false,\"pedantic\":false,\"protocol\":1,\"echo\":true}\r\nSUB bench.floor.%s 1\r\nPING\r\n", name)
	for {
		line, err := b.from.ReadSlice('\n')
		if err != nil {
			nc.Close()
			return nil, err
		}
		if bytes.HasPrefix(line, []byte("PONG")) {
			return b, nil
		}
	}
}

// publish adds a message for a node, which leaves with the next flush of what it returns.
func (b *floorBus) publish(node string, payload []byte) *batch {
	var room [64]byte
	head := append(append(room[:0], "PUB bench.floor."...), node...)
	head = append(strconv.AppendInt(append(head, ' '), int64(len(payload)), 10), "\r\n"...)
	return b.to.add(head, payload, []byte("\r\n"))
}

// read calls f with each message, and flushes what f returns when no other one has come. It returns
// when the conn ends.
func (b *floorBus) read(f func(payload []byte) *batch) error {
	var dirty flushes
	for {
		line, err := b.from.ReadSlice('\n')
		if err != nil {
			return err
		}
		switch {
		case bytes.HasPrefix(line, []byte("MSG ")):
			size, err := strconv.Atoi(string(bytes.TrimSpace(line[bytes.LastIndexByte(line, ' ')+1:])))
			if err != nil || size > floorBytes {
				return errFloor
			}
			if err := whole(b.from, size+2, func(p []byte) { dirty.add(f(p[:size])) }); err != nil {
				return err
			}
		case bytes.HasPrefix(line, []byte("PING")):
			dirty.add(b.to.add([]byte("PONG\r\n")))
		case bytes.HasPrefix(line, []byte("-ERR")):
			return errFloor
		}
		if b.from.Buffered() == 0 {
			dirty.flush()
		}
	}
}
