package peer

import (
	"crypto/tls"

	"github.com/packetmq/packetmq/codec"
)

// MaxToken is the longest token taken or sent, in bytes.
const MaxToken = 4 << 10

// Credentials is what the other side has shown of who it is. What it has not
// shown is nil.
type Credentials struct {
	Token []byte               // of its Config.Token; the hook's to keep
	TLS   *tls.ConnectionState // as Conn.TLS
	Unix  *UnixCred            // as Conn.UnixCred
}

// authenticate asks the program whether the other side may come in; it reports
// whether the handshake goes on.
func (c *Conn) authenticate(token []byte) bool {
	f := c.peer.cfg.Authenticate
	if f == nil {
		return true
	}
	if len(token) > MaxToken {
		c.fault(ReasonPayload, &codec.SizeError{Length: int64(len(token)), Max: MaxToken})
		return false
	}
	if token != nil {
		token = append([]byte{}, token...)
	}
	if err := f(c, Credentials{token, c.TLS(), c.UnixCred()}); err != nil {
		c.fault(ReasonDenied, err)
		return false
	}
	return c.State() < Softquitted && !c.aborted() // the hook may have ended it itself
}

// token is what this side shows of who it is, to another that asks for it.
func (c *Conn) token(asked bool) ([]byte, error) {
	cfg := &c.peer.cfg
	if !asked || cfg.Token == nil || cfg.NoExtensions {
		return nil, nil
	}
	token := cfg.Token(c)
	if len(token) > MaxToken {
		return nil, &codec.SizeError{Length: int64(len(token)), Max: MaxToken}
	}
	return token, nil
}
