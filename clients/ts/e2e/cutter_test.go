package e2e

import (
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
)

// cutter is a proxy that cuts each of its conns after some bytes, wherever that is in a frame,
// a handshake or an upgrade. After some cuts it leaves conns alone.
type cutter struct {
	ln     net.Listener
	server string
	all    sync.WaitGroup

	mu   sync.Mutex
	rng  *rand.Rand        // guarded by mu
	left int               // guarded by mu: cuts
	open map[net.Conn]bool // guarded by mu
}

// cut starts a cutter in front of a server at ws://host:port/, and returns its address.
func cut(t testing.TB, addr string, cuts int) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{ln: ln, server: strings.Trim(strings.TrimPrefix(addr, "ws://"), "/"), rng: rand.New(rand.NewPCG(7, 9)), left: cuts, open: make(map[net.Conn]bool)}
	c.all.Go(c.accept)
	t.Cleanup(c.close)
	return "ws://" + ln.Addr().String() + "/"
}

func (c *cutter) close() {
	c.ln.Close()
	c.mu.Lock()
	for nc := range c.open {
		nc.Close()
	}
	c.mu.Unlock()
	c.all.Wait()
}

func (c *cutter) accept() {
	for {
		client, err := c.ln.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", c.server)
		if err != nil {
			client.Close()
			continue
		}
		c.mu.Lock()
		c.open[client], c.open[server] = true, true
		c.mu.Unlock()
		in, out := c.lengths()
		c.all.Go(func() {
			var both sync.WaitGroup
			both.Go(func() { c.copy(server, client, in) })
			both.Go(func() { c.copy(client, server, out) })
			both.Wait()
			client.Close()
			server.Close()
			c.mu.Lock()
			defer c.mu.Unlock()
			delete(c.open, client)
			delete(c.open, server)
		})
	}
}

// lengths are after how many bytes each direction is cut. Every third conn does not get far. A message
// of WebSocket that is cut is lost as a whole, so the others may be longer than all that is sent again.
func (c *cutter) lengths() (in, out int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left == 0 {
		return 1 << 40, 1 << 40
	}
	c.left--
	if c.rng.IntN(3) == 0 {
		return 1 + c.rng.Int64N(1200), 1 + c.rng.Int64N(1200)
	}
	return 2000 + c.rng.Int64N(50000), 2000 + c.rng.Int64N(50000)
}

// copy copies n bytes and ends its direction. It reads on, since unread bytes would destroy what
// the other direction has on its way.
func (c *cutter) copy(to, from net.Conn, n int64) {
	io.CopyN(to, from, n)
	to.(*net.TCPConn).CloseWrite()
	io.Copy(io.Discard, from)
}
