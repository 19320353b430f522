//go:build !unix

package peer

import (
	"errors"
	"net"
)

// peekByte is not needed where gnet has no poller: nothing is accepted there.
func peekByte(net.Conn) (byte, error) { return 0, errors.ErrUnsupported }
