package request

// The side that has the rooms, or the topics, and decides.

import (
	"errors"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/rate"
	"github.com/packetmq/packetmq/room"
)

// ServeRooms has h, the peer that rooms was made for, answer requests to join and leave rooms.
// cfg may be nil. The options are for the handlers of both calls, after the bound on the rate.
//
// What was sent to a room before the answer to Join may arrive before it, since other goroutines
// send too.
//
// It panics where call.Handle does: h is no peer, or lacks the packets of r.
func ServeRooms(h peer.Host, r Request, rooms *room.Rooms, cfg *Config, opts ...peer.HandleOption) {
	serve(h, r, cfg, opts, target{
		check: room.CheckName,
		join:  func(m room.Member, name string) error { return rooms.Room(name).Join(m) },
		leave: func(m room.Member, name string) bool { return rooms.Room(name).Leave(m) },
	})
}

// ServeTopics is ServeRooms for topics: to join is to subscribe to a pattern, to leave is to
// unsubscribe from exactly this one.
func ServeTopics(h peer.Host, r Request, topics *room.Topics, cfg *Config, opts ...peer.HandleOption) {
	serve(h, r, cfg, opts, target{check: room.CheckPattern, join: topics.Subscribe, leave: topics.Unsubscribe})
}

// target is what requests are about: rooms or topics.
type target struct {
	check func(name string) error
	join  func(m room.Member, name string) error
	leave func(m room.Member, name string) bool
}

func serve(h peer.Host, r Request, cfg *Config, opts []peer.HandleOption, to target) {
	s := &server{Config: cfg.withDefaults(), target: to}
	flood := rate.New(rate.Config{Conn: rate.Limit{PerSecond: 10 * s.Rate.PerSecond, Burst: 4 * s.Rate.Burst}, Over: rate.End(ReasonFlood)})
	limits := rate.New(rate.Config{Conn: s.Rate})
	opts = append([]peer.HandleOption{peer.With(flood.Middleware(), limits.Middleware())}, opts...)
	if s.Waits {
		call.HandleLater(h, r.join, s.inOrder(s.decide, s.join), opts...)
		call.HandleLater(h, r.leave, s.inOrder(nil, s.leave), opts...)
		return
	}
	call.Handle(h, r.join, func(c *call.Context, name *string) (*bool, error) {
		if err := s.decide(c, *name); err != nil {
			return nil, err
		}
		return s.join(c, *name)
	}, opts...)
	call.Handle(h, r.leave, func(c *call.Context, name *string) (*bool, error) { return s.leave(c, *name) }, opts...)
}

// server answers the requests of one definition. It does not change.
type server struct {
	Config
	target
}

// decide returns why the client may not join, or nil.
func (s *server) decide(c *call.Context, name string) error {
	if err := s.check(name); err != nil {
		return refused(err)
	}
	return s.May(c, name)
}

// join joins, on the conn's loop.
func (s *server) join(c *call.Context, name string) (*bool, error) {
	m := s.Member(c.Conn())
	if isNil(m) {
		return nil, ErrRefused
	}
	if err := s.target.join(m, name); err != nil {
		return nil, refused(err)
	}
	joined := true
	return &joined, nil
}

// leave leaves, on the conn's loop.
func (s *server) leave(c *call.Context, name string) (*bool, error) {
	m := s.Member(c.Conn())
	left := !isNil(m) && s.target.leave(m, name)
	return &left, nil
}

func isNil(m room.Member) bool {
	c, isConn := m.(*peer.Conn)
	return m == nil || isConn && c == nil
}

// inOrder is a handler that has decide called on a worker goroutine, unless it is nil, and then
// do on the conn's loop, in the order of the conn's requests.
func (s *server) inOrder(decide func(*call.Context, string) error, do func(*call.Context, string) (*bool, error)) func(*call.Context, *string, call.Answer[bool]) {
	return func(c *call.Context, name *string, a call.Answer[bool]) {
		err := peer.OffloadInOrder(c.Conn(), func() (struct{}, error) {
			if decide == nil {
				return struct{}{}, nil
			}
			return struct{}{}, decide(c, *name)
		}, func(_ struct{}, err error) {
			if err == nil {
				err = c.Err() // who has given up does not join
			}
			var done *bool
			if err == nil {
				done, err = do(c, *name)
			}
			s.answer(c, a, done, err)
		})
		if err != nil {
			a.Fail(refused(err))
		}
	}
}

// answer answers a call. Who asked may be gone, which is no fault of anybody's.
func (s *server) answer(c *call.Context, a call.Answer[bool], done *bool, err error) {
	var reason peer.Reason
	switch {
	case err == nil:
		_ = a.Send(done)
	case errors.As(err, &reason):
		c.Conn().Softquit(reason)
	default:
		_ = a.Fail(err)
	}
}
