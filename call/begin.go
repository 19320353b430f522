package call

// How a call is made, by Do and Go: it is taken in among those under way, and its request is
// sent.

import (
	"fmt"
	"time"

	"github.com/packetmq/packetmq/peer"
)

// checkCall reports a conn or a call that is none.
func checkCall(c *peer.Conn, undefined bool) error {
	switch {
	case undefined:
		return ErrUndefined
	case c.Peer() == nil:
		return peer.ErrNoConn
	}
	return nil
}

// begin sends the request of a call for which w waits. Left is the time that the other side
// is told, 0 for Config.Timeout. The deadline on this side is the same if it is 0. carried
// travels with the request. With an error there is no call; the id is 0 if w was told nothing
// of it.
func (d *definition[Q, A]) begin(s *connCalls, q *Q, w waiting, left, deadline time.Duration, carried []byte) (uint64, error) {
	c := s.conn
	answer := d.answer.In(c.Peer().Registry())
	if answer == nil {
		return 0, fmt.Errorf("%w: %s is not in the peer's registry", peer.ErrNoPacket, d.answer.Name())
	}
	s.host.handlesAnswers(answer, func() { d.handleAnswers(c.Peer()) })
	if left == 0 {
		left, deadline = s.host.config.Load().Timeout, 0
	}
	if deadline == 0 {
		deadline = after(c.Loop().Time(), left)
	}
	id, err := s.begin(d, w, deadline)
	if err != nil {
		return 0, err
	}
	if carried != nil {
		s.sendCarried(id, carried)
	}
	r := d.requests.Get().(*Request[Q])
	r.ID, r.MS, r.Body = id, milliseconds(left), q
	err = peer.Send(c, d.request, r)
	r.Body = nil
	d.requests.Put(r)
	if err != nil && s.unmade(id) {
		return 0, err
	}
	return id, err
}

// after is now+d, at most a moment before never.
func after(now, d time.Duration) time.Duration {
	if d >= never-now {
		return never - 1
	}
	return now + d
}

// milliseconds is d as it travels: at least 1, rounded up.
func milliseconds(d time.Duration) uint64 {
	ms := d / time.Millisecond
	if d%time.Millisecond > 0 {
		ms++
	}
	return uint64(max(ms, 1))
}

// duration takes milliseconds back.
func duration(ms uint64) time.Duration {
	const most = uint64(never / time.Millisecond)
	return time.Duration(min(ms, most)) * time.Millisecond
}

// cancel tells the other side that nobody waits for a call any more. If that cannot be sent
// now, the call ends there by its deadline. Where so much waits that an overflow policy might
// have its say, which may be to end the conn, cancel does not try.
func (d *definition[Q, A]) cancel(c *peer.Conn, id uint64) {
	if c.Pending() > c.Peer().Reactor().MaxPending()/2 {
		return
	}
	var room [16]byte
	if t := d.request.In(c.Peer().Registry()); t != nil {
		c.SendRaw(t, appendCancel(room[:0], id))
	}
}
