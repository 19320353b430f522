package peer

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"runtime/debug"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// Client connects to servers. Where a method takes a conn, nil means the first
// connected server, and the next one still connected when that is lost.
type Client struct{ *Peer }

// NewClient makes a client. Nil means the default Config.
func NewClient(reg *registry.Registry, cfg *Config) *Client {
	p := newPeer(reg, cfg)
	p.client = true
	return &Client{p}
}

// Connect connects to the server at addr, written as for Server.Listen, and
// returns when the conn is active, when that failed, or when ctx is done; if
// ctx has no deadline, after Config.Connect. OnMade is called before it returns.
// Before the first Run it returns ErrNotRunning. It may not be called on a loop;
// use ConnectAsync there.
//
// With Config.Reconnect the client comes back when it loses the server later;
// a first failure is returned and not tried again.
func (c *Client) Connect(ctx context.Context, addr string) (*Conn, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	network, address, err := splitAddr(addr)
	if err != nil {
		return nil, err
	}
	ctx, cancel := withTimeout(ctx, c.cfg.Connect)
	defer cancel()
	return c.await(ctx, func(conn *Conn) error {
		conn.more().server = addr
		if network == "tls" {
			return c.dialTLS(ctx, address, conn)
		}
		return c.reactor.Dial(ctx, network, address, &conn.link, conn.session())
	})
}

// Inject connects over nc, whatever is at its other end: an SSH channel, a
// websocket, one end of a net.Pipe. It takes nc over in any case, and returns
// like Connect. There is no reconnection. A TLS conn is to have done its
// handshake, for Conn.TLS to tell of it.
func (c *Client) Inject(ctx context.Context, nc net.Conn) (*Conn, error) {
	taken := false
	conn, err := c.await(ctx, func(conn *Conn) error {
		taken = true
		return c.inject(conn, nc)
	})
	if !taken {
		nc.Close()
	}
	return conn, err
}

// ConnectAsync begins to connect to the server at addr. Config.OnMade tells
// that it is done, Config.OnConnectFailed that it failed; with Config.Reconnect
// it is tried again.
func (c *Client) ConnectAsync(addr string) error {
	if err := c.check(); err != nil {
		return err
	}
	if _, _, err := splitAddr(addr); err != nil {
		return err
	}
	if c.isClosed() {
		return ErrClosed
	}
	c.attempt(addr, 0)
	return nil
}

// attempt dials on a goroutine of its own, after failed earlier tries.
func (c *Client) attempt(addr string, failed int) {
	go func() {
		err := engine.ErrGoexit // unless the program's part in a TLS handshake returns
		defer func() {
			if v := recover(); v != nil {
				err = &engine.PanicError{Value: v, Stack: debug.Stack()}
			}
			c.attempted(addr, failed, err)
		}()
		_, err = c.Connect(context.Background(), addr)
	}()
}

// attempted tells that a try failed, if it did, and tries again.
func (c *Client) attempted(addr string, failed int, err error) {
	if err == nil || errors.Is(err, ErrClosed) {
		return
	}
	c.reactor.Post(func() {
		defer c.retry(addr, failed+1)
		if f := c.cfg.OnConnectFailed; f != nil {
			f(addr, err)
		}
	})
}

// lostServer comes back to a server that was lost, if that is wanted.
func (p *Peer) lostServer(addr string, reason error) {
	b := p.cfg.Reconnect
	if b != nil && (b.Again == nil || b.Again(reason)) {
		p.retry(addr, 0)
	}
}

// retry tries again later, if the configuration says so.
func (p *Peer) retry(addr string, failed int) {
	b := p.cfg.Reconnect
	if b == nil || b.Attempts > 0 && failed >= b.Attempts {
		return
	}
	p.reactor.After(b.delay(failed), func() { (&Client{p}).attempt(addr, failed) })
}

// delay is how long to wait after a number of failures in a row.
func (b *Backoff) delay(failed int) time.Duration {
	d := b.Min
	for range failed {
		if d >= b.Max {
			break
		}
		d *= 2
	}
	d = min(d, b.Max)
	return d - d/4 + rand.N(d/2+1)
}

// await opens a conn and waits until it is active.
func (p *Peer) await(ctx context.Context, open func(*Conn) error) (*Conn, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if err := p.reactor.MayWait(); err != nil {
		return nil, err
	}
	ctx, cancel := withTimeout(ctx, p.cfg.Connect)
	defer cancel()
	conn, err := p.newConn()
	if err != nil {
		return nil, err
	}
	result := make(chan error, 1)
	conn.more().waiter = func(err error) { result <- err }
	if err := open(conn); err != nil {
		return nil, err
	}
	select {
	case err = <-result:
	case <-p.reactor.Done():
		err = ErrClosed
	case <-ctx.Done():
		select {
		case err = <-result: // both at once: it is done
		default:
			conn.Abort(ctx.Err())
			err = ctx.Err()
		}
	}
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// withTimeout bounds ctx if it is not bounded.
func withTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if _, bounded := ctx.Deadline(); bounded {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d)
}
