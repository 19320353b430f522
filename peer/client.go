package peer

// Client: Connect, ConnectAsync and Inject, and the conn that is its Default.

import (
	"context"
	"net"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/guard"
	"github.com/packetmq/packetmq/registry"
)

// Client connects to servers.
type Client struct{ *Peer }

// NewClient makes a client. Nil means the default Config.
func NewClient(reg *registry.Registry, cfg *Config) *Client {
	p := newPeer(reg, cfg)
	p.client = true
	return &Client{p}
}

// Default is the conn that is meant where a client names none: the first
// connected one, and the next one still connected when that is lost. Nil if
// there is none.
func (c *Client) Default() *Conn { return c.first() }

// Connect connects to the server at addr, written as for Server.Listen, and
// returns when the conn is active, when that failed, or when ctx is done; if
// ctx has no deadline, after Config.Connect. Close and Shutdown end it at once,
// with ErrClosed. OnMade is called before it returns, and not any more once it
// has returned an error. Before the first Run the error is
// ErrNotRunning. It may not be called on a loop; use ConnectAsync there.
//
// With Config.Reconnect the client comes back when it loses the server later;
// a first failure is returned and not tried again.
func (c *Client) Connect(ctx context.Context, addr string, opts ...ConnectOption) (*Conn, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	return c.connect(ctx, target{addr: addr}.with(opts))
}

func (c *Client) connect(ctx context.Context, to target) (*Conn, error) {
	a, err := c.parseConnect(to.address())
	if err != nil {
		return nil, err
	}
	return c.openAndWait(ctx, func(ctx context.Context, conn *Conn) error {
		conn.makeRare().target = &to
		if a.tls {
			return c.dialTLS(ctx, a.place, a.scheme, conn)
		}
		return c.reactor.Dial(ctx, a.network, a.place, &conn.link, conn.handlerOver(a.scheme))
	})
}

// Inject connects over nc, whatever is at its other end: an SSH channel, a
// websocket, one end of a net.Pipe. It takes nc over in any case, and returns
// like Connect. There is no reconnection. A TLS conn is to have done its
// handshake, for Conn.TLS to tell of it.
func (c *Client) Inject(ctx context.Context, nc net.Conn) (*Conn, error) {
	if nc == nil {
		return nil, errNilTransport
	}
	taken := false
	conn, err := c.openAndWait(ctx, func(_ context.Context, conn *Conn) error {
		taken = true
		return c.inject(conn, nc)
	})
	if !taken {
		nc.Close()
	}
	return conn, err
}

// Attach connects over tr, as Server.Attach takes one, and returns like Connect. There is no
// reconnection.
func (c *Client) Attach(ctx context.Context, tr engine.Transport, on *engine.Loop) (*Conn, error) {
	if tr == nil {
		return nil, errNilTransport
	}
	taken := false
	conn, err := c.openAndWait(ctx, func(_ context.Context, conn *Conn) error {
		taken = true
		return c.reactor.Attach(tr, &conn.link, conn.engineHandler(), on)
	})
	if !taken {
		tr.Close()
	}
	return conn, err
}

// ConnectAsync begins to connect to the server at addr. Config.OnMade tells
// that it is done, Config.OnConnectFailed that it failed; with Config.Reconnect
// it is tried again.
func (c *Client) ConnectAsync(addr string, opts ...ConnectOption) error {
	if err := c.check(); err != nil {
		return err
	}
	if _, err := c.parseConnect(addr); err != nil {
		return err
	}
	if c.isClosed() {
		return ErrClosed
	}
	c.attempt(target{addr: addr}.with(opts))
	return nil
}

// attempt dials on a goroutine of its own.
func (c *Client) attempt(to target) {
	go func() {
		var err error
		defer func() {
			if err != nil {
				c.attempted(to, err)
			}
		}()
		guard.Call(func() { // the tls.Config has code of the program
			_, err = c.connect(context.Background(), to)
		}, func(v any) { err = failure(v) })
	}()
}

// openAndWait calls open, which opens the conn, and waits until the conn is made.
func (p *Peer) openAndWait(ctx context.Context, open func(context.Context, *Conn) error) (*Conn, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if ctx == nil {
		return nil, errNilContext
	}
	if err := p.reactor.MayWait(); err != nil {
		return nil, err
	}
	ctx, cancel := withTimeout(ctx, p.cfg.Connect)
	defer cancel()
	ctx, unbind := p.withLifetime(ctx)
	defer unbind()
	conn, err := p.newConn()
	if err != nil {
		return nil, err
	}
	result := make(chan error, 1)
	conn.makeRare().waiter = func(err error) { result <- err }
	if err := open(ctx, conn); err != nil {
		return nil, p.orClosed(err)
	}
	select {
	case err = <-result:
	case <-p.reactor.Done():
		err = ErrClosed
	case <-ctx.Done():
		select {
		case err = <-result: // both at once: it is done
		default:
			err = context.Cause(ctx)
			conn.Abort(err)
		}
	}
	if err != nil {
		return nil, p.orClosed(err)
	}
	return conn, nil
}

// orClosed returns ErrClosed if the peer is closed, which is then the cause of err.
func (p *Peer) orClosed(err error) error {
	if p.isClosed() {
		return ErrClosed
	}
	return err
}

// withLifetime returns a ctx that is also done when the peer is closed, with the cause
// ErrClosed.
func (p *Peer) withLifetime(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(p.lifetime, func() { cancel(ErrClosed) })
	return ctx, func() { stop(); cancel(nil) }
}

// withTimeout bounds ctx if it is not bounded.
func withTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if _, bounded := ctx.Deadline(); bounded {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d)
}
