// Package directory knows where users are, and which rooms have members at which node. Each
// node owns its own entries and tells them to all others: everything once when a conversation
// with a node begins, then what changes, in order. It does no input or output.
//
// A user is at one node. When two nodes say that they have him, the later Stamp wins, and the
// other node gives him up when it hears of that.
package directory

import (
	"cmp"
	"slices"
)

// Stamp orders the places of a user: by time, and then by node. A node whose clock is behind gives
// a new place a later time than all that it has seen.
type Stamp struct {
	Time uint64 // in milliseconds since 1970, or later than all stamps that were seen
	Node string
}

// Compare is below 0 if s is before t.
func (s Stamp) Compare(t Stamp) int {
	return cmp.Or(cmp.Compare(s.Time, t.Time), cmp.Compare(s.Node, t.Node))
}

// Entry is one fact of a node: that it has a user, or that a member of a room is at it.
type Entry struct {
	Room string // "": the entry says where User is
	User string // of a member that is bound to none: any name that no user has
	Time uint64 // of the Stamp
}

// key is an Entry without its time.
type key struct{ room, user string }

// Key names an Entry of this node's.
type Key struct{ key key }

// Event is what a change means for this node's program.
type Event struct {
	Kind Kind
	Room string
	User string
	Node string
}

// Kind is what has happened.
type Kind int

const (
	Joined Kind = iota + 1 // a member of a room at another node
	Left
	Moved // a user of this node's is at a later place: this node is to give him up
)

// Directory is what one node knows. Its methods may not be called at the same time.
type Directory struct {
	self  string
	clock uint64
	own   map[key]owned
	keys  []key                      // of own, in no order
	far   map[string]*far            // by node
	users map[string]Stamp           // the latest of each user, own ones among them
	more  map[string]int             // of users who are at several nodes, at how many besides that one
	rooms map[string]map[string]int  // by room, nodes and how many members they have; without own ones
	in    map[string]map[member]bool // by room, the members at all nodes
}

// far is what another node has said.
type far struct {
	round   uint32           // of telling everything
	users   map[string]claim // that it has
	members map[key]uint32   // and the rounds in which they were told last
}

// claim is that a node has a user.
type claim struct {
	time  uint64
	round uint32 // in which it was told last
}

// member is a member of some room.
type member struct{ user, node string }

// addMember notes that a member at a node is in a room.
func (d *Directory) addMember(k key, node string) {
	in := d.in[k.room]
	if in == nil {
		in = make(map[member]bool)
		d.in[k.room] = in
	}
	in[member{k.user, node}] = true
}

// removeMember notes that a member at a node is in a room no more.
func (d *Directory) removeMember(k key, node string) {
	in := d.in[k.room]
	if delete(in, member{k.user, node}); len(in) == 0 {
		delete(d.in, k.room)
	}
}

// owned is what this node has of an entry of its own.
type owned struct {
	time uint64
	at   int // in keys
}

// New returns the directory of a node that knows nothing.
func New(self string) *Directory {
	return &Directory{
		self: self, own: make(map[key]owned), more: make(map[string]int), in: make(map[string]map[member]bool), far: make(map[string]*far),
		users: make(map[string]Stamp), rooms: make(map[string]map[string]int),
	}
}

// Bind says that a user is at this node from now on, and returns the entry to tell.
func (d *Directory) Bind(user string, millis uint64) Entry {
	d.clock = max(d.clock+1, millis)
	if d.setOwn(key{"", user}, d.clock) {
		d.claim(user)
	}
	d.users[user] = Stamp{d.clock, d.self}
	return Entry{User: user, Time: d.clock}
}

// Unbind says that a user is at this node no more, and returns the entry to tell. ok is false if
// it was not bound with this time.
func (d *Directory) Unbind(user string, time uint64) (e Entry, ok bool) {
	k := key{"", user}
	if time == 0 || d.own[k].time != time {
		return e, false
	}
	d.dropOwn(k)
	d.release(user)
	return Entry{User: user, Time: time}, true
}

// Join says that a member of a room is at this node.
func (d *Directory) Join(room, user string) Entry {
	k := key{room, user}
	d.setOwn(k, 0)
	d.addMember(k, d.self)
	return Entry{Room: room, User: user}
}

// Leave says that a member of a room is at this node no more. ok is false if there was none.
func (d *Directory) Leave(room, user string) (e Entry, ok bool) {
	k := key{room, user}
	if ok = d.dropOwn(k); ok {
		d.removeMember(k, d.self)
	}
	return Entry{Room: room, User: user}, ok
}

// setOwn sets an entry of this node's. It returns true if it is new.
func (d *Directory) setOwn(k key, time uint64) bool {
	o, known := d.own[k]
	if !known {
		o.at = len(d.keys)
		d.keys = append(d.keys, k)
	}
	o.time = time
	d.own[k] = o
	return !known
}

// dropOwn takes an entry of this node's away. It returns false if there is none.
func (d *Directory) dropOwn(k key) bool {
	o, known := d.own[k]
	if !known {
		return false
	}
	last := len(d.keys) - 1
	moved := d.keys[last]
	d.keys[o.at], d.keys[last] = moved, key{}
	d.keys = d.keys[:last]
	if moved != k {
		d.own[moved] = owned{d.own[moved].time, o.at}
	}
	delete(d.own, k)
	return true
}

// claim notes that one node more says that it has a user.
func (d *Directory) claim(user string) {
	if _, known := d.users[user]; known {
		d.more[user]++
	}
}

// release notes that a node says so no more, and finds out where the user is then.
func (d *Directory) release(user string) []Event {
	if d.more[user] == 0 { // it was the only one
		delete(d.users, user)
		return nil
	}
	if d.more[user]--; d.more[user] == 0 {
		delete(d.more, user)
	}
	return d.settle(user)
}

// Keys name the entries of this node.
func (d *Directory) Keys() []Key {
	keys := make([]Key, len(d.keys))
	for i, k := range d.keys {
		keys[i] = Key{k}
	}
	return keys
}

// Entry is the entry of this node that k names, if it still has it.
func (d *Directory) Entry(k Key) (e Entry, ok bool) {
	o, ok := d.own[k.key]
	return Entry{k.key.room, k.key.user, o.time}, ok
}

// Where is where a user is.
func (d *Directory) Where(user string) (s Stamp, ok bool) {
	s, ok = d.users[user]
	return s, ok
}

// Users are how many users are at each node, by its name.
func (d *Directory) Users() map[string]int {
	count := make(map[string]int)
	for _, s := range d.users {
		count[s.Node]++
	}
	return count
}

// NodesOf are the other nodes that have members of a room.
func (d *Directory) NodesOf(room string) map[string]int { return d.rooms[room] }

// Members are the members of a room at all nodes, by name, and their nodes.
func (d *Directory) Members(room string) (all []Event) {
	for m := range d.in[room] {
		all = append(all, Event{Joined, room, m.user, m.node})
	}
	slices.SortFunc(all, func(a, b Event) int { return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Node, b.Node)) })
	return all
}

// Own are the entries of this node, in order.
func (d *Directory) Own() (all []Entry) {
	for k, o := range d.own {
		all = append(all, Entry{k.room, k.user, o.time})
	}
	slices.SortFunc(all, func(a, b Entry) int { return cmp.Or(cmp.Compare(a.Room, b.Room), cmp.Compare(a.User, b.User)) })
	return all
}

// Begin says that a node's entries come from the first on. What it has said before holds until
// End.
func (d *Directory) Begin(node string) { d.said(node).round++ }

// said is what a node has said.
func (d *Directory) said(node string) *far {
	f := d.far[node]
	if f == nil {
		f = &far{users: make(map[string]claim), members: make(map[key]uint32)}
		d.far[node] = f
	}
	return f
}

// End says that all of the node's entries have come since Begin: others are no more.
func (d *Directory) End(node string) []Event {
	f := d.said(node)
	return d.dropOlder(node, f, f.round)
}

// Forget takes all back that a node has said.
func (d *Directory) Forget(node string) (events []Event) {
	if f := d.far[node]; f != nil {
		events = d.dropOlder(node, f, f.round+1)
		delete(d.far, node)
	}
	return events
}

// dropOlder takes back what a node has not said since a round.
func (d *Directory) dropOlder(node string, f *far, round uint32) (events []Event) {
	var users []string
	for user, c := range f.users {
		if c.round != round {
			users = append(users, user)
		}
	}
	var members []key
	for k, r := range f.members {
		if r != round {
			members = append(members, k)
		}
	}
	slices.Sort(users)
	slices.SortFunc(members, func(a, b key) int { return cmp.Or(cmp.Compare(a.room, b.room), cmp.Compare(a.user, b.user)) })
	for _, user := range users {
		delete(f.users, user)
		events = append(events, d.release(user)...)
	}
	for _, k := range members {
		events = append(events, d.dropMember(node, f, k))
	}
	return events
}

// Set takes in an entry of another node.
func (d *Directory) Set(node string, e Entry) []Event {
	f := d.said(node)
	if e.Room == "" {
		d.clock = max(d.clock, e.Time)
		if _, known := f.users[e.User]; !known {
			d.claim(e.User)
		}
		f.users[e.User] = claim{e.Time, f.round}
		return d.place(e.User, Stamp{e.Time, node})
	}
	k := key{e.Room, e.User}
	_, known := f.members[k]
	f.members[k] = f.round
	if known {
		return nil
	}
	nodes := d.rooms[e.Room]
	if nodes == nil {
		nodes = make(map[string]int)
		d.rooms[e.Room] = nodes
	}
	nodes[node]++
	d.addMember(k, node)
	return []Event{{Joined, e.Room, e.User, node}}
}

// Drop takes an entry of another node back.
func (d *Directory) Drop(node string, e Entry) []Event {
	f := d.said(node)
	if e.Room == "" {
		if c, known := f.users[e.User]; !known || c.time != e.Time {
			return nil
		}
		delete(f.users, e.User)
		return d.release(e.User)
	}
	k := key{e.Room, e.User}
	if _, known := f.members[k]; !known {
		return nil
	}
	return []Event{d.dropMember(node, f, k)}
}

// dropMember takes a member of another node back.
func (d *Directory) dropMember(node string, f *far, k key) Event {
	delete(f.members, k)
	d.removeMember(k, node)
	nodes := d.rooms[k.room]
	if nodes[node]--; nodes[node] == 0 {
		delete(nodes, node)
	}
	if len(nodes) == 0 {
		delete(d.rooms, k.room)
	}
	return Event{Left, k.room, k.user, node}
}

// place notes where a node says that a user is.
func (d *Directory) place(user string, s Stamp) []Event {
	if d.more[user] > 0 {
		return d.settle(user)
	}
	d.users[user] = s // nobody else says so
	return nil
}

// settle finds out anew where a user is that several nodes say they have.
func (d *Directory) settle(user string) (events []Event) {
	own, here := d.own[key{"", user}]
	var latest Stamp
	if here {
		latest = Stamp{own.time, d.self}
	}
	for node, f := range d.far {
		if c, ok := f.users[user]; ok {
			if s := (Stamp{c.time, node}); s.Compare(latest) > 0 {
				latest = s
			}
		}
	}
	d.users[user] = latest
	if here && latest.Node != d.self {
		return []Event{{Moved, "", user, latest.Node}}
	}
	return nil
}
