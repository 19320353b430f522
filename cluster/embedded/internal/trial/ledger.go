package trial

// Ledger: what became of each packet that users have sent each other.

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Ledger keeps the accounts of the packets between users. A packet that did not arrive must have
// been told: one by one, as refused, unacknowledged or missed, or by the end of a session or of
// a conn between nodes on which it may have been. One that was not is lost without a word.
//
// A Ledger trusts in order: what is missing before a packet that has arrived will not arrive.
// If it does after all, it is counted as Disordered. Any goroutine may use it.
type Ledger struct {
	mu sync.Mutex

	// Guarded by mu.
	rooms    map[string][]string // their members
	lives    map[string]int      // how many sessions each user has had
	routes   map[route]*routeLog
	streams  map[stream]*streamLog
	missed   map[string]int  // by user: packets that came to a node where he was no more
	refusals map[string]int  // by why
	downs    []time.Duration // when conns between nodes have ended
	now      func() time.Duration
	sum      Summary
}

// route is from a user to a target.
type route struct {
	from, to string
	isRoom   bool
}

// stream is a route up to one receiver.
type stream struct {
	route
	receiver string
}

// routeLog is what was sent on a route.
type routeLog struct {
	sent   uint64
	begins []uint64 // the first number of each life of the sender, from its first life on
	told   map[uint64]bool
}

// life is in which of its lives the sender has sent n.
func (r *routeLog) life(n uint64) int {
	life, found := slices.BinarySearch(r.begins, n)
	if found {
		for life < len(r.begins) && r.begins[life] == n {
			life++ // in the lives before it has sent nothing
		}
	}
	return life
}

// streamLog is what has arrived of a stream.
type streamLog struct {
	last uint64        // number
	life int           // of the receiver, when the last one has arrived
	at   time.Duration // when that was
	gaps []gap
}

// gap is numbers that have not arrived.
type gap struct {
	first, last uint64
	nextLife    int           // of the sender, in which it has sent what came after it
	isAway      bool          // the receiver's session ended meanwhile
	since, to   time.Duration // when the packets before and after it have arrived
}

// Summary is what became of all packets. Deliveries are counted: a packet for a room has one for
// each member.
type Summary struct {
	Sent         int // packets
	Acknowledged int // packets that the first node has acknowledged to their sender
	Due          int // deliveries of what was sent
	Received     int
	ToldSingly   int // refused, unacknowledged or missed
	ToldByEnd    int // by the end of a session, or of a conn between nodes
	Silent       int // lost without a word
	Doubled      int
	Disordered   int
}

// Kept reports whether no promise was broken.
func (s *Summary) Kept() bool { return s.Silent == 0 && s.Doubled == 0 && s.Disordered == 0 }

// NewLedger returns a Ledger without entries, whose clock is now.
func NewLedger(now func() time.Duration) *Ledger {
	return &Ledger{
		rooms: make(map[string][]string), lives: make(map[string]int), routes: make(map[route]*routeLog),
		streams: make(map[stream]*streamLog), missed: make(map[string]int), refusals: make(map[string]int), now: now,
	}
}

// Enter says that a user is a member of a room while it is there.
func (l *Ledger) Enter(user, room string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rooms[room] = append(l.rooms[room], user)
}

// Began says that a user begins a session, and what is sent from now on is sent in that one.
func (l *Ledger) Began(user string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lives[user]++
}

// Send enters a packet that is about to be sent. It returns its number, and the life of its sender.
func (l *Ledger) Send(from, to string, isRoom bool) (n uint64, life int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := route{from, to, isRoom}
	r := l.routes[k]
	if r == nil {
		r = &routeLog{told: make(map[uint64]bool)}
		l.routes[k] = r
	}
	r.sent++
	for life = l.lives[from]; len(r.begins) < life; {
		r.begins = append(r.begins, r.sent)
	}
	l.sum.Sent++
	l.sum.Acknowledged++ // until it is told that it was not
	l.sum.Due += len(l.receivers(k))
	return r.sent, life
}

// receivers are who should get what is sent on a route. mu is held.
func (l *Ledger) receivers(k route) []string {
	if k.isRoom {
		return l.rooms[k.to]
	}
	return []string{k.to}
}

// Unacknowledged says that the sender's node has not acknowledged a packet. It may have arrived.
func (l *Ledger) Unacknowledged(from string, p *Post) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sum.Acknowledged--
	l.told(route{from, p.To, p.IsRoom}, p.N)
}

// Refuse says that the sender's node could not send a packet on to its target, or to a part of
// it, and why.
func (l *Ledger) Refuse(from, to string, isRoom bool, n uint64, why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refusals[why]++
	l.told(route{from, to, isRoom}, n)
}

// Refusals are how many packets were refused, by why.
func (l *Ledger) Refusals() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.refusals)
}

// told notes that a packet's sender was told of its fate. mu is held.
func (l *Ledger) told(k route, n uint64) {
	if r := l.routes[k]; r != nil {
		r.told[n] = true
	}
}

// Tell enters what a node tells of packets that it has lost.
func (l *Ledger) Tell(e Event) {
	switch e.Kind {
	case hasMissed:
		l.Missed(e.User)
	case hasDown:
		l.Down()
	}
}

// Missed says that a packet for a user came to a node where he was no more.
func (l *Ledger) Missed(user string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.missed[user]++
}

// Down says that a conn between two nodes has ended.
func (l *Ledger) Down() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.downs = append(l.downs, l.now())
}

// Receive enters a packet that has arrived.
func (l *Ledger) Receive(receiver string, n *Note) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stream(stream{route{n.From, n.To, n.IsRoom}, receiver})
	l.sum.Received++
	if n.N <= s.last {
		l.late(s, n.N)
		return
	}
	if n.N > s.last+1 {
		s.gaps = append(s.gaps, gap{s.last + 1, n.N - 1, n.Life, s.life != l.lives[receiver], s.at, l.now()})
	}
	s.last, s.life, s.at = n.N, l.lives[receiver], l.now()
}

// late enters a packet that comes after one with a greater number. mu is held.
func (l *Ledger) late(s *streamLog, n uint64) {
	for i, g := range s.gaps {
		if g.first <= n && n <= g.last {
			l.sum.Disordered++
			before, after := g, g
			before.last, after.first = n-1, n+1
			s.gaps = slices.Replace(s.gaps, i, i+1, before, after)
			return
		}
	}
	l.sum.Doubled++
	l.sum.Received--
}

// stream returns the log of a stream, which begins when all users have their first sessions. mu
// is held.
func (l *Ledger) stream(k stream) *streamLog {
	s := l.streams[k]
	if s == nil {
		s = &streamLog{life: 1}
		l.streams[k] = s
	}
	return s
}

// Counts is the part of a Summary that takes no looking for: what was sent, is due, was received,
// came twice and came late.
func (l *Ledger) Counts() Summary {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sum
}

// Summary says what has become of all packets. It is final when no more can arrive.
func (l *Ledger) Summary() Summary {
	sum, _ := l.judgeAll()
	return sum
}

// Lost describes what was lost without a word.
func (l *Ledger) Lost() []string {
	_, lost := l.judgeAll()
	slices.Sort(lost)
	return lost
}

func (l *Ledger) judgeAll() (sum Summary, lost []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	sum = l.sum
	missed := maps.Clone(l.missed)
	for k, r := range l.routes {
		for _, receiver := range l.receivers(k) {
			s := l.stream(stream{k, receiver})
			gaps := s.gaps
			if s.last < r.sent {
				gaps = append(slices.Clip(gaps), gap{s.last + 1, r.sent, l.lives[k.from], s.life != l.lives[receiver], s.at, l.now()})
			}
			for _, g := range gaps {
				if n := l.judge(&sum, k, r, &g, missed); n > 0 {
					lost = append(lost, fmt.Sprintf("%d of numbers %d to %d of %d from %s to %s at %s, between %v and %v; conns ended at %v",
						n, g.first, g.last, r.sent, k.from, k.to, receiver, g.since, g.to, l.downs))
				}
			}
		}
	}
	return sum, lost
}

// judge counts what a gap's packets are, and returns how many were lost without a word. mu is
// held.
func (l *Ledger) judge(sum *Summary, k route, r *routeLog, g *gap, missed map[string]int) (silent int) {
	isDown := slices.ContainsFunc(l.downs, func(at time.Duration) bool { return g.since-downApart <= at && at <= g.to+downApart })
	for n := g.first; n <= g.last; n++ {
		switch {
		case r.told[n]:
			sum.ToldSingly++
		case g.isAway, r.life(n) < g.nextLife, isDown:
			sum.ToldByEnd++
		case !k.isRoom && missed[k.to] > 0:
			missed[k.to]--
			sum.ToldSingly++
		default:
			silent++
		}
	}
	sum.Silent += silent
	return silent
}

// downApart is by how much the word of a conn's end may come here after a packet of the next conn,
// or before the last packet of the conn itself: they travel through different processes.
const downApart = time.Second
