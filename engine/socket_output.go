//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

// What a socket does with output: it sends what the kernel takes at once, and keeps
// the rest in a backlog of its own, in a few large buffers. gnet gets none of it on
// Linux. It would keep a buffer for each write, and go through all of them for each
// thousand that it sends. Elsewhere, where gnet makes the system calls, it has a piece
// of the backlog at a time, since that is how its poller is asked for more.

import "bytes"

const (
	// gnetPiece is how much of a backlog gnet has at a time, in bytes. What is less
	// makes a fast reader wait for the loop's next look, and what is more is copied
	// into a larger buffer for each slow one.
	gnetPiece = 256 << 10

	// drainMost is how much of a backlog leaves before other conns have their turn, in
	// bytes: the kernel copies that in a tenth of a millisecond.
	drainMost = 1 << 20
)

// Write implements Transport.
func (s *socket) Write(b *Buffer) error {
	if s.gc == nil {
		s.conn().dropOutput(s.framer(), b)
		if s.end() != nil {
			return nil // the end comes after the input that waits
		}
		return ErrClosed
	}
	if s.hasBacklog() {
		s.rare.out.copyIn(&s.loop.r.pool, s.framer(), b.B)
		s.loop.buffers.Put(b)
		return nil
	}
	n, err := s.send(b.B)
	switch {
	case err != nil:
		s.conn().dropOutput(s.framer(), b)
		if s.end() != nil {
			return nil
		}
		return err
	case n == len(b.B):
		s.loop.buffers.Put(b)
	default:
		s.needRare().out.begin(&s.loop.r.pool, s.framer(), b.B, n)
		s.loop.buffers.Put(b)
		s.watch()
	}
	return nil
}

// writeShared implements sharedWriter.
func (s *socket) writeShared(p piece) error {
	pool := &s.loop.r.pool
	if s.gc == nil {
		s.conn().dropPiece(p)
		if s.end() != nil {
			return nil // the end comes after the input that waits
		}
		return ErrClosed
	}
	if s.hasBacklog() {
		s.rare.out.addShared(pool, s.framer(), p)
		return nil
	}
	n, err := s.sendParts(p.rest(0))
	switch {
	case err != nil:
		s.conn().dropPiece(p)
		if s.end() != nil {
			return nil
		}
		return err
	case n == p.size():
		p.drop(pool)
	default:
		s.needRare().out.startShared(pool, p, n)
		s.watch()
	}
	return nil
}

// sharedBytes implements sharedWriter.
func (s *socket) sharedBytes() int {
	if s.rare == nil {
		return 0
	}
	return s.rare.out.shared()
}

// sendParts is send for head, which may be empty, and body after it.
func (s *socket) sendParts(head, body []byte) (n int, err error) {
	if len(head) == 0 {
		return s.send(body)
	}
	if !s.flags.has(gnetHasOutput) {
		if n, err = writeTwoNow(s.gc.Fd(), head, body); err == nil {
			return n, nil
		}
	}
	// gnet makes head escape. It is the caller's, on its stack.
	if n, err = s.send(bytes.Clone(head)); err != nil || n < len(head) {
		return n, err
	}
	m, err := s.send(body)
	return n + m, err
}

// writeTwo implements directWriter.
func (s *socket) writeTwo(out *Buffer, b []byte) (taken bool) {
	if s.gc == nil || s.flags.has(gnetHasOutput) || s.hasBacklog() {
		return false
	}
	n, _ := writeTwoNow(s.gc.Fd(), out.B, b)
	switch first := len(out.B); {
	case n == 0:
		return false // if that is an error, the next write meets it
	case n == first+len(b):
		s.loop.buffers.Put(out)
		return true
	case n >= first:
		rest := b[n-first:]
		s.needRare().out.start(&s.loop.r.pool, s.framer(), rest, len(rest))
	default:
		out.B = append(out.B, b...)
		s.needRare().out.begin(&s.loop.r.pool, s.framer(), out.B, n)
	}
	s.loop.buffers.Put(out)
	s.watch()
	return true
}

// send has the socket take what it takes of b at once.
func (s *socket) send(b []byte) (n int, err error) {
	if s.flags.has(gnetHasOutput) {
		if s.gc.OutboundBuffered() > 0 {
			return 0, nil
		}
		s.flags.unset(gnetHasOutput)
	}
	if n, err = writeNow(s.gc.Fd(), b); err == nil {
		return n, nil
	}
	// gnet writes, or meets the error too and closes its conn for it.
	b = b[:min(len(b), gnetPiece)]
	s.flags.set(inGnet | gnetHasOutput) // it may have all of b from now on
	_, err = s.gc.Write(b)
	s.flags.unset(inGnet)
	if err != nil {
		return 0, err
	}
	return len(b), nil
}

// watch has the loop told when the socket takes output again.
func (s *socket) watch() {
	if !s.rare.watched {
		s.rare.watched = s.loop.writable.add(s.gc.Fd(), s.conn())
	}
}

// hasBacklog reports whether output waits that is to leave first.
func (s *socket) hasBacklog() bool { return s.rare != nil && !s.rare.out.empty() }

// drain sends what the socket takes of the backlog.
func (s *socket) drain() {
	if s.gc == nil || !s.hasBacklog() {
		return
	}
	out := &s.rare.out
	for most := drainMost; s.gc != nil && s.hasBacklog(); {
		if most <= 0 {
			s.loop.ready.add(s.conn())
			return
		}
		head, rest := out.next()
		n, err := s.sendParts(head, rest)
		if err != nil {
			s.failed(err)
			return
		}
		left := len(head) + len(rest)
		out.sent(&s.loop.r.pool, n, left)
		if most -= n; n < left {
			return
		}
	}
	s.unwatch()
}

// failed ends the conn for an error that is met where nobody asks for it, as write
// does.
func (s *socket) failed(err error) {
	if s.end() == nil && s.state != closed {
		s.conn().remove(err)
	}
}

// tellsWritable implements backlogSender.
func (s *socket) tellsWritable() bool { return s.rare != nil && s.rare.watched }

// sendBacklog implements backlogSender.
func (s *socket) sendBacklog() { s.drain() }

// unwatch has the loop wait for the socket no longer. Its descriptor is open.
func (s *socket) unwatch() {
	if a := s.rare; a != nil && a.watched {
		a.watched = false
		s.loop.writable.remove(s.gc.Fd())
	}
	s.setInput(s.input())
}

// dropOutput gives the backlog back. It was counted.
func (s *socket) dropOutput() {
	if s.rare == nil {
		return
	}
	if s.gc != nil {
		s.unwatch()
	}
	if s.rare != nil {
		s.rare.out.clear(&s.loop.r.pool)
	}
}

// framer counts what is written here, unless that is what a Wrapper made of it.
func (s *socket) framer() Framer {
	if s.flags.has(wrapped) {
		return nil
	}
	return framer(s.handler)
}

// Buffered implements Transport.
func (s *socket) Buffered() (n int) {
	if s.rare != nil {
		n = s.rare.out.size()
	}
	if s.flags.has(gnetHasOutput) && s.gc != nil {
		n += s.gc.OutboundBuffered()
	}
	return n
}

// Memory implements Keeper.
func (s *socket) Memory() (n int) {
	if s.rare != nil {
		n = s.rare.out.memory()
	}
	if s.flags.has(gnetHasOutput) && s.gc != nil {
		n += s.gc.OutboundBuffered()
	}
	return n
}

// Messages implements Keeper.
func (s *socket) Messages(f Framer) int {
	if s.rare == nil || s.framer() == nil {
		return 0
	}
	return s.rare.out.messages(f)
}
