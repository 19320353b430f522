package room

// Rooms: the rooms of one peer, by their names.

import (
	"iter"
	"slices"
	"strings"

	"github.com/packetmq/packetmq/peer"
)

// Rooms are the rooms of one peer. Any goroutine may use them.
type Rooms struct {
	roster

	byName map[string]*set // guarded by roster.mu; each has members
}

// New returns rooms without members for conns of h, one of package peer's peers. cfg may be
// nil. A peer may have several Rooms, which know nothing of each other.
//
// New panics if h is not such a peer, as peer.Handle does.
func New(h peer.Host, cfg *Config) *Rooms {
	if cfg == nil {
		cfg = new(Config)
	}
	p, err := peer.Of(h)
	if err != nil {
		panic(err)
	}
	r := &Rooms{byName: make(map[string]*set)}
	r.roster = roster{peer: p, max: limitOr(cfg.Memberships, DefaultMemberships), records: make(map[Member]*record)}
	r.dropSet = func(s *set) { delete(r.byName, s.name) }
	if f := cfg.Joined; f != nil {
		r.joined = func(s *set, m Member) { f(Room{r, s.name}, m) }
	}
	if f := cfg.Left; f != nil {
		r.left = func(s *set, m Member, reason error) { f(Room{r, s.name}, m, reason) }
	}
	return r
}

// Room returns the room of that name, which need not exist. It costs nothing to ask for one.
func (r *Rooms) Room(name string) Room { return Room{r, name} }

// All returns the rooms that have members at this moment, in no order.
func (r *Rooms) All() iter.Seq[Room] {
	if r == nil {
		return func(func(Room) bool) {}
	}
	r.mu.RLock()
	names := make([]string, 0, len(r.byName))
	for name := range r.byName {
		names = append(names, name)
	}
	r.mu.RUnlock()
	return r.named(names)
}

// Of returns the rooms that m is in at this moment, in no order.
func (r *Rooms) Of(m Member) iter.Seq[Room] {
	if r == nil {
		return func(func(Room) bool) {}
	}
	return r.named(r.setsOf(m))
}

func (r *Rooms) named(names []string) iter.Seq[Room] {
	return func(yield func(Room) bool) {
		for _, name := range names {
			if !yield(Room{r, name}) {
				return
			}
		}
	}
}

// Stats returns counts of the rooms and of what was sent to them.
func (r *Rooms) Stats() Stats {
	if r == nil {
		return Stats{}
	}
	r.mu.RLock()
	s := Stats{Sets: len(r.byName), Members: len(r.records), Memberships: r.places}
	r.mu.RUnlock()
	r.counters.addTo(&s)
	return s
}

// Room is a room of a Rooms, known by its name: two of the same name are equal. It exists
// while it has members.
type Room struct {
	rooms *Rooms
	name  string
}

// Name is the name of the room.
func (r Room) Name() string { return r.name }

// Join makes m a member. It does nothing if m is one already.
//
// The errors are a *LimitError if m is in too many rooms; ErrName; ErrNoMember; peer.ErrClosed
// for a conn whose conversation has ended; peer.ErrNoConn for a conn of another peer.
func (r Room) Join(m Member) error {
	if r.rooms == nil {
		return ErrNoRoom
	}
	if err := CheckName(r.name); err != nil {
		return err
	}
	return r.rooms.join(m, func(make bool) *set {
		s := r.set()
		if s == nil && make {
			s = &set{name: strings.Clone(r.name)} // the program's may lie in memory that is used again
			r.rooms.byName[s.name] = s
		}
		return s
	})
}

// CheckName returns ErrName if no room can have this name.
func CheckName(name string) error {
	if name == "" || len(name) > MaxName {
		return ErrName
	}
	return nil
}

// Leave ends m's membership. It returns false if m was no member. A Send that begins after
// Leave has returned does not reach m.
func (r Room) Leave(m Member) bool { return r.rooms != nil && r.rooms.leave(m, r.set) }

// Has reports whether m is a member.
func (r Room) Has(m Member) bool {
	if r.rooms == nil {
		return false
	}
	r.rooms.mu.RLock()
	defer r.rooms.mu.RUnlock()
	rec, s := r.rooms.records[m], r.set()
	return rec != nil && s != nil && rec.find(s) >= 0
}

// Len is how many members there are.
func (r Room) Len() int {
	if r.rooms == nil {
		return 0
	}
	r.rooms.mu.RLock()
	defer r.rooms.mu.RUnlock()
	if s := r.set(); s != nil {
		return len(s.members)
	}
	return 0
}

// Members returns those who are members at this moment, in no order.
func (r Room) Members() iter.Seq[Member] {
	if r.rooms == nil {
		return func(func(Member) bool) {}
	}
	return slices.Values(r.rooms.members(r.set))
}

// set is the room's set, or nil if it has no members. The rooms' lock is held.
func (r Room) set() *set { return r.rooms.byName[r.name] }
