package room

// Send: one packet to all members of a room.

import (
	"errors"
	"slices"
	"sync"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// Option says to whom a packet is not sent. See Except and Where.
type Option struct {
	except []Member
	where  func(Member) bool
}

// Except leaves members out. It is for a few: each of them is compared with each member.
func Except(members ...Member) Option { return Option{except: members} }

// Where leaves out whom f returns false for. f is called on the goroutine of the sender, for
// members only.
func Where(f func(m Member) bool) Option { return Option{where: f} }

// leavesOut reports whether one of the options leaves m out.
func leavesOut(options []Option, m Member) bool {
	for i := range options {
		o := &options[i]
		if slices.Contains(o.except, m) || o.where != nil && !o.where(m) {
			return true
		}
	}
	return false
}

// Target is what Send sends to: a Room, or what another package has in its place for a room with
// members elsewhere too, such as at other nodes. Any goroutine may call its methods.
type Target interface {
	// Here are the members that are conns of this process, or sessions.
	Here() Room

	// SendElsewhere sends what was encoded for the peer of Here to the other members. e may be
	// released when it returns.
	SendElsewhere(e *peer.Encoded) error
}

// Here is the room itself: all of its members are here.
func (r Room) Here() Room { return r }

// SendElsewhere sends nothing.
func (Room) SendElsewhere(*peer.Encoded) error { return nil }

// Send sends v as a packet of type pkt to everybody who is a member when it is called. v is
// encoded once, unless hooks want to see it for each conn, and not at all if there is no
// member. What one goroutine sends arrives at each member in the order of its calls, beside
// what it sends by peer.Send.
//
// A Target's members elsewhere are sent it too; options are for those who are here.
//
// The error of a Room says that nothing was sent: the packet is not one of the peer's, or cannot be
// encoded. That a member cannot be sent to, because it takes its packets too slowly or is
// ending, is counted in Stats and keeps nobody else from the packet.
func Send[T any, R Target](to R, pkt registry.Packet[T], v *T, options ...Option) error {
	r := to.Here()
	if r.rooms == nil {
		return ErrNoRoom
	}
	if _, ok := any(to).(Room); ok {
		return sendAll(&r.rooms.roster, r.rooms.audience(r.set), pkt, v, options)
	}
	e, err := peer.Encode(r.Peer(), pkt, v)
	if err != nil {
		return err
	}
	defer e.Release()
	return errors.Join(r.SendEncoded(e, options...), to.SendElsewhere(e))
}

// SendEncoded is Send for a packet that was encoded before, by peer.Encode for the room's peer. It
// may be released when SendEncoded returns.
func (r Room) SendEncoded(e *peer.Encoded, options ...Option) error {
	switch {
	case r.rooms == nil:
		return ErrNoRoom
	case e.Packet() == nil:
		return peer.ErrNoPacket
	}
	to := r.rooms.audience(r.set)
	defer to.release()
	r.rooms.send(e, to.members, options)
	return nil
}

// sendAll sends v to an audience, which it releases.
func sendAll[T any](r *roster, to *audience, pkt registry.Packet[T], v *T, options []Option) error {
	defer to.release()
	if len(to.members) == 0 {
		return nil
	}
	e, err := peer.Encode(r.peer, pkt, v)
	if err != nil {
		return err
	}
	defer e.Release()
	r.send(e, to.members, options)
	return nil
}

// send sends e to members that options do not leave out.
func (r *roster) send(e *peer.Encoded, members []Member, options []Option) {
	sent, failed := 0, 0
	for _, m := range members {
		switch {
		case leavesOut(options, m):
		case sendTo(m, e) != nil:
			failed++
		default:
			sent++
		}
	}
	r.counters.count(sent, failed)
}

// audience is a copy of who is to get a packet, so that no lock is held while it is sent. Its
// memory is used again.
type audience struct {
	members []Member
	known   map[Member]struct{} // the members, if those of several sets were added
}

var audiences = sync.Pool{New: func() any { return new(audience) }}

// audience returns the members of the set that find returns with mu held, or of none.
func (r *roster) audience(find func() *set) *audience {
	a := audiences.Get().(*audience)
	r.mu.RLock()
	defer r.mu.RUnlock()
	if s := find(); s != nil {
		a.add(s)
	}
	return a
}

// add adds the members of s that are not in a yet.
func (a *audience) add(s *set) {
	if len(a.members) == 0 {
		for _, in := range s.members {
			a.members = append(a.members, in.record.member)
		}
		return
	}
	if a.known == nil {
		a.known = make(map[Member]struct{}, len(a.members)+len(s.members))
	}
	if len(a.known) == 0 { // a has the members of one set
		for _, m := range a.members {
			a.known[m] = struct{}{}
		}
	}
	for _, in := range s.members {
		m := in.record.member
		if _, ok := a.known[m]; !ok {
			a.known[m] = struct{}{}
			a.members = append(a.members, m)
		}
	}
}

// release gives the memory back. It lets go of the members.
func (a *audience) release() {
	const large = 4096 // a larger map is not worth clearing for a small audience
	if len(a.known) > large {
		a.known = nil
	}
	clear(a.known)
	clear(a.members)
	a.members = a.members[:0]
	audiences.Put(a)
}
