package session

// Send: packets of a session. They are kept until the other side has acknowledged them.

import (
	"errors"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// Packet is a packet that was not acknowledged.
type Packet struct {
	Type    *registry.Type
	Payload []byte // encoded
}

// Send sends v as a packet of type pkt in the session. It arrives after what was sent in the
// session before, once, on this conn or on a later one, unless the session ends. v is encoded
// before Send returns. Any goroutine may call it; it never blocks.
//
// While the session is away the packet waits. The errors are ErrEnded, ErrFull, those of
// peer.Send for a packet that cannot be encoded or is not known, and a *peer.SizeError for one
// that is longer than Config.Bytes or than the conn takes. With an error nothing was sent. A
// packet that was sent while the session was away, and that the next conn cannot take, ends the
// session with that conn's error, since what was sent after it may not go before it.
//
// Hooks on the way out do not see the packet, which may be sent on conns that do not exist
// yet; hooks on the way in and middleware do.
func Send[T any](s *Session, pkt registry.Packet[T], v *T) error {
	if s == nil {
		return ErrNoSession
	}
	p := s.host.peer
	b := p.Reactor().Scratch().Get()
	defer p.Reactor().Scratch().Put(b)
	t, payload, err := peer.AppendPayload(p, b.B, pkt, v)
	if err != nil {
		return err
	}
	b.B = payload
	return s.send(t, payload)
}

// SendRaw is Send for a payload that is encoded already. It is not checked, and is copied.
func (s *Session) SendRaw(t *registry.Type, payload []byte) error {
	if s == nil {
		return ErrNoSession
	}
	if _, err := s.host.peer.Registry().Lookup(t); t == nil || err != nil {
		return peer.ErrNoPacket
	}
	return s.send(t, payload)
}

// SendEncoded is Send for a packet that was encoded once for many: it makes a session a
// member of rooms.
func (s *Session) SendEncoded(e *peer.Encoded) error {
	if s == nil {
		return ErrNoSession
	}
	t := e.Packet()
	if _, err := s.host.peer.Registry().Lookup(t); t == nil || err != nil {
		return peer.ErrNoPacket
	}
	b := s.host.peer.Reactor().Scratch().Get()
	defer s.host.peer.Reactor().Scratch().Put(b)
	payload, err := e.AppendPayload(b.B)
	if err != nil {
		return err
	}
	b.B = payload
	return s.send(t, payload)
}

// send keeps a packet, and gives it to the conn if one carries the session and takes it now.
func (s *Session) send(t *registry.Type, payload []byte) error {
	if t.Internal() {
		return peer.ErrNotOnWire
	}
	err := s.keep(t, payload)
	if err == nil && s.server != nil {
		s.copyLater()
	}
	if err == ErrFull && s.policy(t) == registry.CloseSlow {
		s.onOwner(func() { s.finish(ErrFull, true) })
	}
	return err
}

func (s *Session) keep(t *registry.Type, payload []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over != nil {
		return ErrEnded
	}
	if s.frozen {
		return ErrExported
	}
	if !s.out.hasRoom(len(payload)) {
		return s.noRoom(t, len(payload))
	}
	if k := s.carrier; k != nil && s.out.sent == s.out.last() {
		err := k.conn.SendInside(Feature, t, payload)
		if err == nil {
			s.out.add(t, payload)
			s.out.sent++
			return nil
		}
		if !isLater(err) {
			return err
		}
		k.pumpLater(err)
	}
	s.out.add(t, payload)
	return nil
}

// isLater reports whether a packet that a conn did not take can be sent later, on this conn or
// on another one.
func isLater(err error) bool {
	return errors.Is(err, peer.ErrBackpressure) || errors.Is(err, peer.ErrClosed) || errors.Is(err, peer.ErrNotActive)
}

// noRoom does with a packet for which there is no room what the policy says. mu is held.
func (s *Session) noRoom(t *registry.Type, size int) error {
	if size > s.out.maxBytes {
		return &peer.SizeError{Packet: t.Name(), Length: size, Max: s.out.maxBytes}
	}
	switch s.policy(t) {
	case registry.DropNewest, registry.DropOldest:
		s.dropped++
		return nil
	}
	return ErrFull
}

// policy is what happens to a packet for which there is no room.
func (s *Session) policy(t *registry.Type) registry.Overflow {
	if p := t.Options().Overflow; p != 0 {
		return p
	}
	return s.cfg.Overflow
}

// pump gives the conn what waits for it. What it returns ends the session: a packet can be
// sent on none of the conns that there will be. mu is held.
func (s *Session) pump(k *carrier) error {
	err := s.out.unsent(func(t *registry.Type, payload []byte) error {
		return k.conn.SendInside(Feature, t, payload)
	})
	if err != nil && isLater(err) {
		k.pumpLater(err)
		return nil
	}
	return err
}

// Decode returns the value of a packet that was not acknowledged, which is of type pkt.
func Decode[T any](p Packet, pkt registry.Packet[T]) (*T, error) {
	if p.Type == nil || p.Type.Name() != pkt.Name() {
		return nil, peer.ErrNoPacket
	}
	v := new(T)
	if err := new(codec.Msgpack).Decode(p.Payload, v); err != nil {
		return nil, err
	}
	return v, nil
}
