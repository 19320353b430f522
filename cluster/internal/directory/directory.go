// Package directory knows where users are, and which rooms have members at which node. Each
// node owns its own entries and tells them to all others: everything once when a conversation
// with a node begins, then what changes, in order. It does no input or output.
//
// A user is at one node. When two nodes say that they have him, the later Stamp wins, and the
// other node gives him up when it hears of that.
package directory

import (
	"cmp"
	"maps"
	"slices"
)

// Stamp orders the places of a user: by time, which no clock that is behind can turn back, and
// then by node.
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
	own   map[key]uint64
	far   map[string]map[key]uint64 // by node
	users map[string]Stamp          // the latest of each user, own ones among them
	rooms map[string]map[string]int // by room, nodes and how many members they have; without own ones
	fresh map[string]map[key]bool   // by node, what its snapshot under way has had
}

// New returns the directory of a node that knows nothing.
func New(self string) *Directory {
	return &Directory{
		self: self, own: make(map[key]uint64), far: make(map[string]map[key]uint64),
		users: make(map[string]Stamp), rooms: make(map[string]map[string]int), fresh: make(map[string]map[key]bool),
	}
}

// Bind says that a user is at this node from now on, and returns the entry to tell.
func (d *Directory) Bind(user string, millis uint64) Entry {
	d.clock = max(d.clock+1, millis)
	d.own[key{"", user}] = d.clock
	d.users[user] = Stamp{d.clock, d.self}
	return Entry{User: user, Time: d.clock}
}

// Unbind takes that back. ok is false if it was not so with this time.
func (d *Directory) Unbind(user string, time uint64) (e Entry, ok bool) {
	if k := (key{"", user}); time == 0 || d.own[k] != time {
		return e, false
	} else {
		delete(d.own, k)
	}
	d.settle(user)
	return Entry{User: user, Time: time}, true
}

// Join says that a member of a room is at this node.
func (d *Directory) Join(room, user string) Entry {
	d.own[key{room, user}] = 0
	return Entry{Room: room, User: user}
}

// Leave takes that back. ok is false if it was not so.
func (d *Directory) Leave(room, user string) (e Entry, ok bool) {
	k := key{room, user}
	if _, ok = d.own[k]; ok {
		delete(d.own, k)
	}
	return Entry{Room: room, User: user}, ok
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
	add := func(node string, entries map[key]uint64) {
		for k := range entries {
			if k.room == room && room != "" {
				all = append(all, Event{Joined, room, k.user, node})
			}
		}
	}
	add(d.self, d.own)
	for node, entries := range d.far {
		add(node, entries)
	}
	slices.SortFunc(all, func(a, b Event) int { return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Node, b.Node)) })
	return all
}

// Own are the entries of this node, in order.
func (d *Directory) Own() (all []Entry) {
	for k, time := range d.own {
		all = append(all, Entry{k.room, k.user, time})
	}
	slices.SortFunc(all, func(a, b Entry) int { return cmp.Or(cmp.Compare(a.Room, b.Room), cmp.Compare(a.User, b.User)) })
	return all
}

// Begin says that a node's entries come from the first on. What it has said before holds until
// End.
func (d *Directory) Begin(node string) { d.fresh[node] = make(map[key]bool) }

// End says that all of the node's entries have come since Begin: others are no more.
func (d *Directory) End(node string) (events []Event) {
	fresh := d.fresh[node]
	delete(d.fresh, node)
	for _, k := range d.keysOf(node) {
		if !fresh[k] {
			events = append(events, d.drop(node, k)...)
		}
	}
	return events
}

// Set takes in an entry of another node.
func (d *Directory) Set(node string, e Entry) []Event {
	k := key{e.Room, e.User}
	if fresh := d.fresh[node]; fresh != nil {
		fresh[k] = true
	}
	entries := d.far[node]
	if entries == nil {
		entries = make(map[key]uint64)
		d.far[node] = entries
	}
	_, known := entries[k]
	entries[k] = e.Time
	if e.Room == "" {
		d.clock = max(d.clock, e.Time)
		return d.settle(e.User)
	}
	if known {
		return nil
	}
	nodes := d.rooms[e.Room]
	if nodes == nil {
		nodes = make(map[string]int)
		d.rooms[e.Room] = nodes
	}
	nodes[node]++
	return []Event{{Joined, e.Room, e.User, node}}
}

// Drop takes an entry of another node back.
func (d *Directory) Drop(node string, e Entry) []Event {
	k := key{e.Room, e.User}
	time, known := d.far[node][k]
	if !known || e.Room == "" && time != e.Time {
		return nil
	}
	return d.drop(node, k)
}

// Forget takes all back that a node has said.
func (d *Directory) Forget(node string) (events []Event) {
	delete(d.fresh, node)
	for _, k := range d.keysOf(node) {
		events = append(events, d.drop(node, k)...)
	}
	delete(d.far, node)
	return events
}

func (d *Directory) keysOf(node string) []key {
	return slices.SortedFunc(maps.Keys(d.far[node]), func(a, b key) int { return cmp.Or(cmp.Compare(a.room, b.room), cmp.Compare(a.user, b.user)) })
}

func (d *Directory) drop(node string, k key) []Event {
	delete(d.far[node], k)
	if k.room == "" {
		return d.settle(k.user)
	}
	nodes := d.rooms[k.room]
	if nodes[node]--; nodes[node] == 0 {
		delete(nodes, node)
	}
	if len(nodes) == 0 {
		delete(d.rooms, k.room)
	}
	return []Event{{Left, k.room, k.user, node}}
}

// settle finds out anew where a user is.
func (d *Directory) settle(user string) (events []Event) {
	k := key{"", user}
	var latest Stamp
	if time, ok := d.own[k]; ok {
		latest = Stamp{time, d.self}
	}
	for node, entries := range d.far {
		if time, ok := entries[k]; ok {
			if s := (Stamp{time, node}); s.Compare(latest) > 0 {
				latest = s
			}
		}
	}
	if latest.Node == "" {
		delete(d.users, user)
		return nil
	}
	d.users[user] = latest
	if _, ok := d.own[k]; ok && latest.Node != d.self {
		return []Event{{Moved, "", user, latest.Node}}
	}
	return nil
}
