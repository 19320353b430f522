package game

// The arena: who may come in, and what players may do.

import (
	"errors"
	"log/slog"
	"time"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/middleware"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/rate"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/room"
	"github.com/packetmq/packetmq/session"
	"github.com/packetmq/packetmq/state"
)

const (
	away      = 30 * time.Second // how long a player who has lost its conn keeps its place
	readyTime = 5 * time.Second  // how long a player may think before it is put into a room
)

var errTaken = errors.New("somebody of this name is here")

// noSession ends the conn of who plays without having begun a session.
const noSession = peer.Reason("arena.nosession")

// arena is the server. Its reactor has one loop, on which all callbacks run: so the maps are
// plain maps, without a lock.
type arena struct {
	*peer.Server
	arenaConfig
	rooms *room.Rooms

	// Set once, before there are players. nil: there are no other nodes.
	others Others
	isNode func(c *peer.Conn) bool

	// Loop only.
	remote  map[string]remote  // by room
	players map[string]*player // by name
	byID    map[uint64]*player
	halls   map[string]*hall // by name; those that somebody is in
	lastID  uint64           // of a player
	handled uint64           // packets
}

// arenaConfig is how an arena is set up.
type arenaConfig struct {
	key   key
	hz    float64 // how often players are told where the others are
	seats int     // players of a room
}

// newArena makes an arena on the reactor of cfg, or on one of its own.
func newArena(set arenaConfig, cfg *peer.Config) *arena {
	a := &arena{arenaConfig: set, players: make(map[string]*player), byID: make(map[uint64]*player), halls: make(map[string]*hall)}
	cfg.Authenticate = a.authenticate
	a.Server = peer.NewServer(withPackets(registry.New()), cfg)
	state.Enable(a) // conns come before there is a hall
	a.rooms = room.New(a, &room.Config{Joined: a.joined, Left: a.left})
	session.Serve(a, &session.Config{
		Away: away, OnNew: a.begun, OnBack: a.back, OnEnd: a.ended,
		Service: session.Service{MayBegin: a.mayBegin, MayResume: a.mayResume},
	})
	a.Use(a.count, middleware.Authorise(a.hasSession))
	a.handle()
	return a
}

// handle has the arena handle what players do. Moves are bounded for each player to twice of
// what it needs, and the more are dropped. Chat is bounded to a line every two seconds, and
// who says more is told.
func (a *arena) handle() {
	moves := rate.New(rate.Config{Conn: rate.Limit{PerSecond: 2 * a.hz}, Over: rate.Drop})
	lines := rate.New(rate.Config{Conn: rate.Limit{PerSecond: 0.5, Burst: 3}, Over: tooFast})
	whispers := rate.New(rate.Config{Conn: rate.Limit{PerSecond: 0.5, Burst: 3}}) // the caller gets rate.ErrLimited
	inHall := middleware.Authorise(isInHall)
	peer.Handle(a, move, a.onMove, peer.With(moves.Middleware(), inHall))
	peer.Handle(a, say, a.onSay, peer.With(lines.Middleware(), inHall))
	call.Handle(a, whisper, a.onWhisper, peer.With(whispers.Middleware()))
	call.Handle(a, use, a.onUse)
	call.HandleLater(a, enter, a.onEnter)
}

// count counts packets, as an example of a program's own middleware.
func (a *arena) count(next peer.Next) peer.Next {
	return func(in *peer.Incoming) error {
		a.handled++
		return next(in)
	}
}

func (a *arena) hasSession(c *peer.Conn, t *registry.Type) error {
	if playerOf(c) == nil && t.Name() != places.Name() { // which is between nodes
		return noSession
	}
	return nil
}

// isInHall drops packets of who is in none: they may still come from who has just left.
func isInHall(c *peer.Conn, _ *registry.Type) error {
	if playerOf(c).hall == nil {
		return peer.ErrDrop
	}
	return nil
}

// tooFast tells who says too much.
func tooFast(in *peer.Incoming) error {
	if err := playerOf(in.Conn()).tell(&Said{From: "arena", Text: "not so fast", Private: true}); err != nil {
		in.Conn().Peer().Log(slog.LevelInfo, "cannot tell a player to be slower", "conn", in.Conn().ID(), "err", err)
	}
	return nil
}

// authenticate keeps the name with the conn, until begun or back puts its player there.
func (a *arena) authenticate(c *peer.Conn, cred peer.Credentials) error {
	if a.isNode != nil && a.isNode(c) {
		return nil
	}
	name, err := a.key.name(cred.Token)
	if err != nil {
		return &peer.Denied{Why: "who are you?", Err: err}
	}
	c.SetData(name)
	return nil
}

// nameOf is the name that a conn has shown, while it has no player.
func nameOf(c *peer.Conn) string {
	name, _ := c.Data().(string)
	return name
}

// mayBegin refuses a second player of a name. The first one may be away: it comes back by its
// session, and not here.
func (a *arena) mayBegin(c *peer.Conn) error {
	if a.players[nameOf(c)] != nil {
		return errTaken
	}
	return nil
}

// mayResume refuses who has got hold of another player's session.
func (a *arena) mayResume(s *session.Session, c *peer.Conn) error {
	if s.Data().(*player).name != nameOf(c) {
		return errTaken
	}
	return nil
}

func (a *arena) begun(s *session.Session) {
	a.lastID++
	p := &player{name: nameOf(s.Conn()), session: s, bag: map[string]int{"potion": 2, "rope": 1}}
	p.at = Pos{ID: a.lastID, X: width / 2, Y: height / 2}
	if a.others != nil {
		p.at.ID = idOf(p.name)
	}
	a.players[p.name], a.byID[p.at.ID] = p, p
	s.SetData(p)
	s.Conn().SetData(p)
	if !a.bind(p) {
		s.End(peer.ReasonGeneric)
	}
}

// back gives the player's next conn its data.
func (a *arena) back(s *session.Session, _ time.Duration) { s.Conn().SetData(s.Data()) }

// ended is called after left: a session's end ends its membership.
func (a *arena) ended(s *session.Session, reason error, unacked []session.Packet) {
	p := s.Data().(*player)
	delete(a.players, p.name)
	delete(a.byID, p.at.ID)
	a.Log(slog.LevelInfo, "player has left", "name", p.name, "reason", reason, "lines it may have missed", len(unacked))
}

func (a *arena) onMove(c *peer.Conn, m *Move) error {
	p := playerOf(c)
	p.at = p.at.after(m)
	return p.hall.positions.Set(&p.at)
}

func (a *arena) onSay(c *peer.Conn, m *Say) error {
	p := playerOf(c)
	return p.hall.tell(&Said{From: p.name, Text: m.Text})
}

func (a *arena) onWhisper(c *call.Context, q *Whisper) (*Done, error) {
	m := &Said{From: playerOf(c.Conn()).name, Text: q.Text, Private: true}
	if to := a.players[q.To]; to != nil {
		return nil, to.tell(m)
	}
	if a.others != nil {
		if found, err := a.others.Whisper(q.To, said, m); found {
			return nil, err
		}
	}
	return nil, nobody
}

func (a *arena) onUse(c *call.Context, q *Use) (*Used, error) {
	left, err := playerOf(c.Conn()).take(q.Item)
	if err != nil {
		return nil, err
	}
	return &Used{left}, nil
}

// onEnter asks the player whether it is ready, and then puts it into the room.
func (a *arena) onEnter(c *call.Context, q *Enter, answer call.Answer[Place]) {
	p, r := playerOf(c.Conn()), a.rooms.Room(q.Room)
	if r.Len() >= a.seats && !r.Has(p.session) {
		answer.Fail(full)
		return
	}
	call.Go(c.Conn(), ready, &Question{q.Room}, readyTime, func(says *Reply, err error) {
		if err == nil && !says.Ready {
			err = notReady
		}
		if err == nil {
			err = a.move(p, r)
		}
		if err != nil {
			answer.Fail(err)
			return
		}
		answer.Send(&Place{p.at}) // if it is gone by now, it will ask again
	})
}

// move has a player leave the room that it is in, and join another one.
func (a *arena) move(p *player, to room.Room) error {
	if to.Has(p.session) {
		return nil
	}
	if to.Len() >= a.seats { // by now
		return full
	}
	if p.hall != nil {
		p.hall.Leave(p.session)
	}
	return to.Join(p.session)
}

// joined is called when a player's session has joined a room.
func (a *arena) joined(r room.Room, m room.Member) {
	h := a.halls[r.Name()]
	if h == nil {
		h = newHall(r, a.hz, a.others)
		a.halls[r.Name()] = h
	}
	p := m.(*session.Session).Data().(*player)
	p.hall = h
	if a.others != nil {
		a.check("the other nodes", a.others.Enter(r.Name(), p.session))
		if at, ok := h.positions.Get(p.at.ID); ok {
			p.at = at // its node was another one until now
		}
	}
	a.check("the others", h.positions.Set(&p.at))
	a.check("the others", h.tell(&Said{From: "arena", Text: p.name + " is here"}))
}

// left is called when it has left the room, or has ended.
func (a *arena) left(r room.Room, m room.Member, _ error) {
	h, p := a.halls[r.Name()], m.(*session.Session).Data().(*player)
	if p.hall == h {
		p.hall = nil
	}
	if a.others != nil {
		a.others.Leave(r.Name(), p.session)
	}
	h.positions.Delete(p.at.ID)
	if r.Len() > 0 {
		a.check("the others", h.tell(&Said{From: "arena", Text: p.name + " has left"}))
		return
	}
	h.positions.Close()
	delete(a.halls, r.Name())
}

// check logs an error that nobody else could be told.
func (a *arena) check(whom string, err error) {
	if err != nil {
		a.Log(slog.LevelWarn, "could not tell "+whom, "err", err)
	}
}
