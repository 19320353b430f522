package capture

// playedConn: the transport of a conn that is played. Its input comes from the capture, and its
// output is compared with that in it.

import (
	"bytes"
	"encoding/hex"
	"net"
	"net/netip"

	"github.com/packetmq/packetmq/engine"
)

type playedConn struct {
	player *player
	number uint64
	local  net.Addr
	remote net.Addr
	sink   engine.Sink
	closed bool

	input   []byte // that the handler has not taken
	left    int    // bytes that it left of what it was offered last, as it is now
	asked   bool   // whether it left as many then is not known yet
	played  bool   // there was a record of bytes of the conn
	differs bool   // a difference of its output was found already

	sent     []byte // what it sends now, and was not compared yet
	expected []byte // what was sent then, and was not compared yet
	compared uint64
	sum      sum // of all that was compared with sums
}

func newPlayedConn(p *player, r *Record) *playedConn {
	return &playedConn{
		player: p, number: r.Conn,
		local: recordedAddr(r.Network, r.Local), remote: recordedAddr(r.Network, r.Remote),
	}
}

// recordedAddr is the address of a capture, as a *net.TCPAddr where it is one. Nothing is looked up.
func recordedAddr(network, text string) net.Addr {
	if text == "" {
		return nil
	}
	if network == "tcp" {
		if a, err := netip.ParseAddrPort(text); err == nil {
			return net.TCPAddrFromAddrPort(a)
		}
	}
	return &net.UnixAddr{Name: text, Net: network}
}

// play does what a record of the conn says.
func (c *playedConn) play(r *Record) {
	switch r.Kind {
	case Input:
		c.settleTook(0)
		c.player.then.cut(c.number, false, bytes.Clone(r.Data))
		c.player.today.cut(c.number, false, bytes.Clone(r.Data))
		c.input = append(c.input, r.Data...)
		c.deliver(r.Loop)
	case Took:
		c.settleTook(int(min(r.N, 1<<30)))
	case Output:
		data := bytes.Clone(r.Data)
		c.player.then.cut(c.number, true, data) // again, for a capture that was made without the registry
		c.expect(data)
	case OutputSum:
		c.compareSum(r)
	case Ended:
		if !c.closed && c.sink != nil {
			c.player.reactor.Do(r.Loop, func() { c.sink.Ended(c.player.errorOf(r.Err)) })
		}
	case Closed:
		c.end(r)
	case Expired:
		c.with(c.player.reactor.Expire)
	case Pressed:
		c.with(func(s engine.Sink) { c.player.reactor.Press(s, r.Continued) })
	case Drained:
		c.with(c.player.reactor.Drain)
	}
}

// with calls f with the conn's Sink if the conn is open.
func (c *playedConn) with(f func(engine.Sink)) {
	if c.sink == nil || c.closed {
		c.player.differ("the conn is closed already")
		return
	}
	f(c.sink)
}

// deliver offers the handler what it has not taken.
func (c *playedConn) deliver(loop int) {
	c.played = true
	if c.closed || c.sink == nil {
		return
	}
	offered, n := len(c.input), 0
	c.player.reactor.Do(loop, func() { n = c.sink.Received(c.input) })
	c.input = c.input[n:]
	c.left, c.asked = offered-n, n < offered && !c.closed
	if len(c.input) == 0 {
		c.input = nil
	}
}

// settleTook compares how much the handler has left with how much it took then; 0: all.
func (c *playedConn) settleTook(took int) {
	if c.asked && took == 0 {
		c.player.differ("all input was taken, and now %d bytes are left", c.left)
	}
	c.asked = false
}

// expect compares output of then.
func (c *playedConn) expect(data []byte) {
	c.played = true
	c.expected = append(c.expected, data...)
	c.compare()
	if len(c.expected) > 0 && !c.differs {
		c.differ("%d bytes that were sent are not sent now: %s", len(c.expected), shownBytes(c.expected))
	}
}

// compare compares what is there of both outputs.
func (c *playedConn) compare() {
	n := min(len(c.expected), len(c.sent))
	if c.differs || n == 0 {
		return
	}
	if at := firstDifference(c.expected[:n], c.sent[:n]); at < n {
		c.compared += uint64(at)
		c.differ("byte %d of the output differs: it was %s, and is %s", c.compared, shownBytes(c.expected[at:]), shownBytes(c.sent[at:]))
		return
	}
	c.compared += uint64(n)
	c.player.result.Compared += uint64(n)
	c.expected, c.sent = c.expected[n:], c.sent[n:]
}

// compareSum compares a checksum.
func (c *playedConn) compareSum(r *Record) {
	c.played = true
	if c.differs || r.N < c.sum.n {
		return
	}
	n := r.N - c.sum.n
	if n > uint64(len(c.sent)) {
		c.differ("%d bytes were sent, and now %d", r.N, c.sum.n+uint64(len(c.sent)))
		return
	}
	before := c.sum.n
	c.sum.add(c.sent[:n])
	c.sent = c.sent[n:]
	if c.sum.crc != r.Sum {
		c.differ("the output differs between its bytes %d and %d", before, r.N)
		return
	}
	c.compared = c.sum.n
	c.player.result.Compared += n
}

// differ notes the first difference of the conn's output.
func (c *playedConn) differ(format string, args ...any) {
	if !c.differs {
		c.differs = true
		c.player.differ(format, args...)
	}
	c.sent, c.expected = nil, nil
}

// end compares the end of the conn.
func (c *playedConn) end(r *Record) {
	c.settleTook(0)
	if c.sink != nil && !c.closed && r.Err != engine.ErrClosed.Error() { // that is the end of the reactor
		c.player.differ("the conn was closed, and is open now")
	}
	c.compareEnd()
	c.player.then.forget(c.number)
	c.player.today.forget(c.number)
	delete(c.player.conns, c.number)
}

// compareEnd compares that nothing is sent now that was not then.
func (c *playedConn) compareEnd() {
	if c.played && c.compared > 0 && len(c.sent) > 0 && !c.differs {
		c.differ("after byte %d more is sent now: %s", c.compared, shownBytes(c.sent))
	}
}

func firstDifference(a, b []byte) int {
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return len(a)
}

// shownBytes is the beginning of b, for people.
func shownBytes(b []byte) string {
	if len(b) > 48 {
		return hex.EncodeToString(b[:48]) + "…"
	}
	return hex.EncodeToString(b)
}

// LocalAddr and RemoteAddr are for engine.Reactor.Attach.
func (c *playedConn) LocalAddr() net.Addr  { return c.local }
func (c *playedConn) RemoteAddr() net.Addr { return c.remote }

// Open implements engine.Transport.
func (c *playedConn) Open(s engine.Sink) { c.sink = s }

// Pump implements engine.Transport. Input comes by deliver alone.
func (c *playedConn) Pump() bool { return false }

// Write implements engine.Transport.
func (c *playedConn) Write(b *engine.Buffer) error {
	if !c.differs {
		data := bytes.Clone(b.B)
		c.player.today.cut(c.number, true, data)
		c.sent = append(c.sent, data...)
	}
	c.sink.Loop().Buffers().Put(b)
	return nil
}

// Buffered implements engine.Transport.
func (c *playedConn) Buffered() int { return 0 }

// CloseWrite implements engine.Transport.
func (c *playedConn) CloseWrite() error { return nil }

// Close implements engine.Transport.
func (c *playedConn) Close() { c.closed = true }
