package peer

// MemoryServer and MemoryClient, which speak in the memory of one process.

import (
	"context"

	"github.com/packetmq/packetmq/memconn"
	"github.com/packetmq/packetmq/registry"
)

// MemoryServer takes connections from memory clients of its process only. A
// Server takes them too.
type MemoryServer struct{ *Peer }

// NewMemoryServer makes a memory server. Nil means the default Config.
func NewMemoryServer(reg *registry.Registry, cfg *Config) *MemoryServer {
	return &MemoryServer{newPeer(reg, cfg)}
}

// ConnectClient is MemoryClient.Connect, seen from the server.
func (s *MemoryServer) ConnectClient(ctx context.Context, c *MemoryClient, opts ...ConnectOption) (*Conn, error) {
	if _, err := peerOf(c); err != nil {
		return nil, err
	}
	return c.Connect(ctx, s, opts...)
}

// DisconnectClient closes every conn that c has to this server. ErrNoConn means that
// there is none.
func (s *MemoryServer) DisconnectClient(c *MemoryClient) error {
	if _, err := peerOf(c); err != nil {
		return err
	}
	err := ErrNoConn
	for conn := range c.Conns() {
		if conn.server() == s.Peer {
			err = conn.Close()
		}
	}
	return err
}

// MemoryHost is a peer that takes memory clients: *Server or *MemoryServer.
type MemoryHost interface {
	Host
	takesMemory()
}

func (*Server) takesMemory()       {}
func (*MemoryServer) takesMemory() {}

// MemoryClient connects to servers of its own process, without a socket. Its
// conns speak the same protocol, call the same hooks and handlers, and run on
// the same loops as any; what is sent is encoded and decoded, so that neither
// side can see the other's memory.
type MemoryClient struct{ *Peer }

// NewMemoryClient makes a memory client. Nil means the default Config. With the
// server's reactor in it, both run on one loop.
func NewMemoryClient(reg *registry.Registry, cfg *Config) *MemoryClient {
	p := newPeer(reg, cfg)
	p.client = true
	return &MemoryClient{p}
}

// Connect connects to a server and returns when the conn is active, when that
// failed, or when ctx is done; if ctx has no deadline, after Config.Connect.
// Close and Shutdown end it at once, with ErrClosed. Both reactors must run, or
// have run: else the error is ErrNotRunning. It may not be called on a
// loop; use ConnectAsync there.
//
// With Config.Reconnect the client comes back when it loses the server later,
// unless that has closed; a first failure is returned and not tried again.
func (c *MemoryClient) Connect(ctx context.Context, to MemoryHost, opts ...ConnectOption) (*Conn, error) {
	server, err := peerOf(to)
	if err == nil {
		err = c.check()
	}
	if err == nil && ctx == nil {
		err = errNilContext
	}
	if err == nil {
		err = server.reactor.MayWait()
	}
	if err != nil {
		return nil, err
	}
	return c.openAndWait(ctx, func(_ context.Context, conn *Conn) error {
		t := target{host: to}.with(opts)
		conn.makeRare().target = &t
		return c.connect(conn, to)
	})
}

// ConnectAsync begins to connect to a server. OnMade tells that it is done;
// OnLost and OnConnectFailed tell that it failed, and with Config.Reconnect it is
// tried again. The conn may not be used before.
func (c *MemoryClient) ConnectAsync(to MemoryHost, opts ...ConnectOption) error {
	if _, err := peerOf(to); err != nil {
		return err
	}
	return c.begin(target{host: to}.with(opts))
}

// begin attaches a conn, and has its failure tell.
func (c *MemoryClient) begin(to target) error {
	conn, err := c.newConn()
	if err != nil {
		return err
	}
	e := conn.makeRare()
	e.target = &to
	e.waiter = func(err error) {
		if err != nil {
			c.attempted(to, err)
		}
	}
	return c.connect(conn, to.host)
}

// attempt is begin for a client that comes back.
func (c *MemoryClient) attempt(to target) {
	if err := c.begin(to); err != nil {
		c.attempted(to, err)
	}
}

// Default is the conn that is meant where a client names none: the first
// connected one, and the next one still connected when that is lost. Nil if
// there is none.
func (c *MemoryClient) Default() *Conn { return c.first() }

// server is the peer that a memory client has connected c to, or nil.
func (c *Conn) server() *Peer {
	if rare := c.rare.Load(); rare != nil {
		return rare.server
	}
	return nil
}

// connect attaches the two ends of a new pair to their loops.
func (c *MemoryClient) connect(near *Conn, to MemoryHost) error {
	server, err := peerOf(to)
	if err != nil {
		return err
	}
	far, err := server.newIncoming()
	if err != nil {
		return err
	}
	near.makeRare().server = server
	joinEnds(near, far)
	ra, rb := c.reactor, server.reactor
	a, b := memconn.Pair(ra.Buffers(), rb.Buffers())
	loop := rb.Loops()[int(far.id)%len(rb.Loops())]
	if err := rb.Attach(b, &far.link, far.engineHandler(), loop); err != nil {
		a.Close()
		return err
	}
	if ra != rb {
		loop = nil
	}
	return ra.Attach(a, &near.link, near.engineHandler(), loop)
}

// joinEnds has the two ends know each other, before they are opened.
func joinEnds(near, far *Conn) { near.makeRare().otherEnd, far.makeRare().otherEnd = far, near }

// otherEnd returns the conn at the other end of a conn in memory, or nil for other conns.
func (c *Conn) otherEnd() *Conn {
	if rare := c.rare.Load(); rare != nil {
		return rare.otherEnd
	}
	return nil
}
