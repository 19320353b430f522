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
// been told: one by one, as refused, unacknowledged or missed, or by the end of the sender's or the
// receiver's session, by the end of a conn between their nodes, or by a copy from which the receiver's
// session went on, which is older than what its node has sent. One that was not is lost without a word.
//
// A Ledger trusts in order: what is missing before a packet that has arrived will not arrive.
// If it does after all, it is counted as Disordered, and what comes twice as Doubled. Only what a
// client had to send again, because its session went on from a copy that does not know of it, is
// counted as Repeated instead. Any goroutine may use it.
type Ledger struct {
	mu sync.Mutex

	// Guarded by mu.
	rooms    map[string][]string // their members
	lives    map[string]int      // how many sessions each user has had
	routes   map[route]*routeLog
	streams  map[stream]*streamLog
	missed   map[string]int      // by user: packets that came to a node where he was no more
	refusals map[string]int      // by why
	sent     map[string][]packet // by user: what his sessions have taken
	late     []latePacket
	history  history
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

// packet is one that was sent.
type packet struct {
	on *routeLog
	n  uint64
}

// latePacket is one that came after another one of its stream with the same number or a greater one.
type latePacket struct {
	packet
	from  string
	isNew bool // it had not come before
}

// routeLog is what was sent on a route.
type routeLog struct {
	sent    uint64
	begins  []uint64 // the first number of each life of the sender, from its first life on
	told    map[uint64]bool
	inDoubt map[uint64]bool // not acknowledged when the sender has lost his conn
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
	ToldByEnd    int // by the end of the sender's or the receiver's session
	ToldByConn   int // by the end of a conn between their nodes
	ToldByCopy   int // the receiver's session went on from a copy
	MissedInRoom int // the receiver went to another node, and rooms may miss him then
	Silent       int // lost without a word
	Repeated     int // the sender's session went on from a copy that did not know of it
	Doubled      int
	Disordered   int
}

// Kept reports whether no promise was broken.
func (s *Summary) Kept() bool { return s.Silent == 0 && s.Doubled == 0 && s.Disordered == 0 }

// NewLedger returns a Ledger without entries, whose clock is now.
func NewLedger(now func() time.Duration) *Ledger {
	return &Ledger{
		rooms: make(map[string][]string), lives: make(map[string]int), routes: make(map[route]*routeLog),
		streams: make(map[stream]*streamLog), missed: make(map[string]int), refusals: make(map[string]int), sent: make(map[string][]packet), history: newHistory(), now: now,
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

// Lives is how many sessions a user has had.
func (l *Ledger) Lives(user string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lives[user]
}

// At says at which node a user is from now on.
func (l *Ledger) At(user, node string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.history.places[user] = append(l.history.places[user], place{l.now(), node})
}

// Away says that a user has lost his conn, while so many of his packets were not acknowledged: the
// last ones that he has sent. His node may have handled them.
func (l *Ledger) Away(user string, pending int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	sent := l.sent[user]
	for _, p := range sent[max(len(sent)-pending, 0):] {
		p.on.inDoubt[p.n] = true
	}
}

// Send enters a packet that is about to be sent. It returns its number, and the life of its sender.
func (l *Ledger) Send(from, to string, isRoom bool) (n uint64, life int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := route{from, to, isRoom}
	r := l.routes[k]
	if r == nil {
		r = &routeLog{told: make(map[uint64]bool), inDoubt: make(map[uint64]bool)}
		l.routes[k] = r
	}
	r.sent++
	for life = l.lives[from]; len(r.begins) < life; {
		r.begins = append(r.begins, r.sent)
	}
	l.sum.Sent++
	l.sum.Acknowledged++ // until it is told that it was not
	l.sum.Due += len(l.receivers(k))
	l.sent[from] = append(l.sent[from], packet{r, r.sent})
	return r.sent, life
}

// receivers are who should get what is sent on a route. mu is held.
func (l *Ledger) receivers(k route) []string {
	if k.isRoom {
		return l.rooms[k.to]
	}
	return []string{k.to}
}

// Taken is how many packets the sessions of a user have taken.
func (l *Ledger) Taken(user string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.sent[user])
}

// Untaken says that the sender's session has not taken the packet that was entered last.
func (l *Ledger) Untaken(from string, p *Post) {
	l.mu.Lock()
	l.sent[from] = l.sent[from][:len(l.sent[from])-1]
	l.mu.Unlock()
	l.Unacknowledged(from, p)
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

// Tell enters what a node tells of packets that may be lost.
func (l *Ledger) Tell(node string, e Event) {
	switch e.Kind {
	case hasMissed:
		l.Missed(e.User)
	case hasDown:
		l.Down(node, e.Node)
	case hasCopied:
		l.Copied(e.User)
	}
}

// Copied says that a node goes on with a user's session from a copy.
func (l *Ledger) Copied(user string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.history.copied[user] = append(l.history.copied[user], l.now())
}

// Missed says that a packet for a user came to a node where he was no more.
func (l *Ledger) Missed(user string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.missed[user]++
}

// Down says that a conn between two nodes has ended.
func (l *Ledger) Down(a, b string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.history.downs = append(l.history.downs, down{l.now(), a, b})
}

// Receive enters a packet that has arrived.
func (l *Ledger) Receive(receiver string, n *Note) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stream(stream{route{n.From, n.To, n.IsRoom}, receiver})
	l.sum.Received++
	if n.N <= s.last {
		l.enterLate(s, latePacket{packet: packet{l.routes[route{n.From, n.To, n.IsRoom}], n.N}, from: n.From})
		return
	}
	if n.N > s.last+1 {
		s.gaps = append(s.gaps, gap{s.last + 1, n.N - 1, n.Life, s.life != l.lives[receiver], s.at, l.now()})
	}
	s.last, s.life, s.at = n.N, l.lives[receiver], l.now()
}

// enterLate enters a packet that comes after one with a greater number, or a second time. mu is
// held.
func (l *Ledger) enterLate(s *streamLog, p latePacket) {
	for i, g := range s.gaps {
		if g.first <= p.n && p.n <= g.last {
			before, after := g, g
			before.last, after.first = p.n-1, p.n+1
			s.gaps = slices.Replace(s.gaps, i, i+1, before, after)
			p.isNew = true
			break
		}
	}
	if !p.isNew {
		l.sum.Received--
	}
	l.late = append(l.late, p)
}

// judgeLate counts what came late or twice. mu is held.
func (l *Ledger) judgeLate(sum *Summary) {
	for _, p := range l.late {
		switch {
		case p.on != nil && p.on.inDoubt[p.n] && len(l.history.copied[p.from]) > 0:
			sum.Repeated++
		case p.isNew:
			sum.Disordered++
		default:
			sum.Doubled++
		}
	}
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

// Counts is the part of a Summary that takes no looking for: what was sent, is due and was received.
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
	l.judgeLate(&sum)
	missed := maps.Clone(l.missed)
	for k, r := range l.routes {
		for _, receiver := range l.receivers(k) {
			s := l.stream(stream{k, receiver})
			gaps := s.gaps
			if s.last < r.sent {
				gaps = append(slices.Clip(gaps), gap{s.last + 1, r.sent, l.lives[k.from], s.life != l.lives[receiver], s.at, l.now()})
			}
			for _, g := range gaps {
				if n := l.judge(&sum, stream{k, receiver}, r, &g, missed); n > 0 {
					lost = append(lost, fmt.Sprintf("%d of numbers %d to %d of %d from %s to %s at %s, between %v and %v; %v",
						n, g.first, g.last, r.sent, k.from, k.to, receiver, g.since, g.to, &l.history))
				}
			}
		}
	}
	return sum, lost
}

// judge counts what a gap's packets are, and returns how many were lost without a word. mu is
// held.
func (l *Ledger) judge(sum *Summary, k stream, r *routeLog, g *gap, missed map[string]int) (silent int) {
	h := &l.history
	isDown, isCopied := h.connEnded(k.from, k.receiver, g.since, g.to), h.wentOn(k.receiver, g.since, g.to)
	hasMoved := k.isRoom && !isCopied && h.moved(k.receiver, g.since, g.to)
	for n := g.first; n <= g.last; n++ {
		switch {
		case r.told[n]:
			sum.ToldSingly++
		case g.isAway, r.life(n) < g.nextLife:
			sum.ToldByEnd++
		case !k.isRoom && missed[k.to] > 0:
			missed[k.to]--
			sum.ToldSingly++
		case hasMoved:
			sum.MissedInRoom++
		case isDown:
			sum.ToldByConn++
		case isCopied:
			sum.ToldByCopy++
		default:
			silent++
		}
	}
	sum.Silent += silent
	return silent
}
