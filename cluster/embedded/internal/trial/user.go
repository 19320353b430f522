package trial

// User: a client with a session that comes back at another node when it has lost its own.

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/packetmq/packetmq/cluster"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/session"
)

// retryAfter is how long a user waits after all nodes that it tried have refused it. Less takes
// more CPU of machines that have to recover, more keeps users away for longer.
const retryAfter = 20 * time.Millisecond

// Users are the clients of a process.
type Users struct {
	*Ledger
	reactor *engine.Reactor
	reg     *registry.Registry
	began   time.Time
	addrs   func() []Address
	arrived func(latency time.Duration)
	wait    sync.WaitGroup
}

// Address is where clients reach a node.
type Address struct{ Node, Addr string }

// NewUsers returns users without one. addrs returns the addresses of nodes; arrived is called on
// the users' loop with how long each packet took.
func NewUsers(addrs func() []Address, arrived func(latency time.Duration)) (*Users, error) {
	us := &Users{reactor: engine.New(nil), reg: withPackets(registry.NewAdapting()), began: time.Now(), addrs: addrs, arrived: arrived}
	us.Ledger = NewLedger(us.now)
	if err := us.reactor.RunAsync(); err != nil {
		return nil, err
	}
	return us, nil
}

func (us *Users) now() time.Duration { return time.Since(us.began) }

// Close waits for users whose contexts are done, and ends their loop.
func (us *Users) Close() {
	us.wait.Wait()
	us.reactor.Close()
}

// User is one. Any goroutine may use it.
type User struct {
	// Set once.
	Name  string
	Rooms []string
	all   *Users
	cli   *peer.Client
	first int           // the node that it goes to first
	lost  chan struct{} // has one when a conn has ended
	over  chan error    // gets why the user is no more

	mu sync.Mutex

	// Guarded by mu.
	session *session.Session
	node    string          // that it goes to, or is at
	awaySet bool            // it has lost its conn, and got nothing since then
	awayAt  time.Duration   // when that was
	away    []time.Duration // how long each time
	onNote  func(*Note)
}

// Add has a user live until ctx is done, at the node whose address is at that place of addrs, or
// at another one when that is gone.
func (us *Users) Add(ctx context.Context, name string, at int, rooms ...string) *User {
	u := &User{Name: name, Rooms: rooms, all: us, first: at, lost: make(chan struct{}, 1), over: make(chan error, 1)}
	token := []byte(strings.Join(append([]string{name}, rooms...), " "))
	u.cli = peer.NewClient(us.reg, &peer.Config{
		Reactor:  us.reactor,
		Identity: peer.Identity{Token: func(*peer.Conn) []byte { return token }},
		Events:   peer.Events{OnLost: func(*peer.Conn, error) { u.hasLost() }},
	})
	peer.Handle(u.cli, note, u.receive)
	peer.Handle(u.cli, refused, func(_ *peer.Conn, r *Refused) error {
		us.Refuse(name, r.To, r.IsRoom, r.N, r.Why)
		return nil
	})
	for _, room := range rooms {
		us.Enter(name, room)
	}
	u.begin()
	us.wait.Go(func() {
		u.over <- u.live(ctx)
		u.cli.Close()
	})
	return u
}

// OnNote has f called on the users' loop with each packet that arrives from now on.
func (u *User) OnNote(f func(*Note)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.onNote = f
}

// Over gets why the user is no more: its context is done, or somebody has logged in as the same.
func (u *User) Over() <-chan error { return u.over }

// Session is the user's session now.
func (u *User) Session() *session.Session {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.session
}

// IsAcknowledged reports whether the node has acknowledged something that the user has sent.
func (u *User) IsAcknowledged() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	pending, _ := u.session.Pending()
	return u.all.Taken(u.Name) > pending
}

// Away is how long the user was without packets, each time that it had lost its conn. isBack is
// false if it has got none since the last time.
func (u *User) Away() (each []time.Duration, isBack bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.away, !u.awaySet
}

// Send sends a packet to a user or a room.
func (u *User) Send(to string, isRoom bool, filler []byte) (n uint64, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	n, life := u.all.Ledger.Send(u.Name, to, isRoom)
	p := &Post{To: to, IsRoom: isRoom, N: n, Life: life, At: int64(u.all.now()), Filler: filler}
	if err = session.Send(u.session, post, p); err != nil {
		u.all.Untaken(u.Name, p)
	}
	return n, err
}

// begin begins a session.
func (u *User) begin() *session.Session {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.all.Began(u.Name)
	u.session = session.New(u.cli, &session.Config{
		OnNew:  func(*session.Session) { u.isHere() },
		OnBack: func(*session.Session, time.Duration) { u.isHere() },
		OnAway: func(s *session.Session, _ error) { u.isAway(s) },
		OnEnd:  u.ended,
	})
	return u.session
}

// ended enters what the node has not acknowledged. On the loop.
func (u *User) ended(_ *session.Session, _ error, unacked []session.Packet) {
	for _, packet := range unacked {
		if p, err := session.Decode(packet, post); err == nil {
			u.all.Unacknowledged(u.Name, p)
		}
	}
	u.hasLost()
}

// isHere notes at which node the session is. On the loop.
func (u *User) isHere() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.all.At(u.Name, u.node)
}

// goTo notes to which node the user goes.
func (u *User) goTo(node string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.node = node
}

// isAway notes that the session has lost its conn. On the loop.
func (u *User) isAway(s *session.Session) {
	u.mu.Lock()
	defer u.mu.Unlock()
	pending, _ := s.Pending()
	u.all.Away(u.Name, pending)
	if !u.awaySet {
		u.awaySet, u.awayAt = true, u.all.now()
	}
}

func (u *User) hasLost() {
	select {
	case u.lost <- struct{}{}:
	default:
	}
}

// receive enters a packet. On the loop.
func (u *User) receive(_ *peer.Conn, n *Note) error {
	now := u.all.now()
	u.all.Receive(u.Name, n)
	if u.all.arrived != nil {
		u.all.arrived(now - time.Duration(n.At))
	}
	u.mu.Lock()
	if u.awaySet {
		u.awaySet = false
		u.away = append(u.away, now-u.awayAt)
	}
	f := u.onNote
	u.mu.Unlock()
	if f != nil {
		f(n)
	}
	return nil
}

// live has the user connected until ctx is done: at the next node when it has lost one, in a new
// session when no node knows the old one.
func (u *User) live(ctx context.Context) error {
	s := u.Session()
	for at := u.first; ; {
		addrs := u.all.addrs()
		to := addrs[at%len(addrs)]
		u.goTo(to.Node)
		c, err := u.cli.Connect(ctx, to.Addr, session.Over(s))
		for err == nil && s.Err() == nil && c.State() == peer.Active {
			select {
			case <-u.lost:
			case <-ctx.Done():
				s.End(peer.ReasonGeneric)
				return ctx.Err()
			}
		}
		switch {
		case ctx.Err() != nil:
			s.End(peer.ReasonGeneric)
			return ctx.Err()
		case errors.Is(s.Err(), cluster.ReasonElsewhere):
			return s.Err()
		case s.Err() != nil:
			s = u.begin()
		default:
			at += 1 + rand.IntN(max(len(addrs)-1, 1)) // any other, so that not all come to the same one
			u.pause(ctx)
		}
	}
}

// pause waits a little before the next attempt.
func (u *User) pause(ctx context.Context) {
	select {
	case <-time.After(retryAfter):
	case <-ctx.Done():
	}
}
