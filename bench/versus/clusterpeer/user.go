package clusterpeer

// The load of packets to users: a client at one node says something, and a client at the other
// gets it.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/packetmq/packetmq/bench/versus/caller"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

var errLost = errors.New("clusterpeer: a conn has ended")

// line is a sender at one node and a receiver at another. What is sent comes out there in the same
// order. It implements caller.Unary: what came is the reply.
type line struct {
	send func(payload []byte) error
	end  func()
	once sync.Once

	mu      sync.Mutex
	waiting []chan []byte // for what is under way, in order; guarded by mu
	lost    bool          // guarded by mu
}

// Call sends a payload and waits until it has come.
func (l *line) Call(payload []byte) ([]byte, error) {
	came := make(chan []byte, 1)
	l.mu.Lock()
	err := errLost
	if !l.lost {
		err = l.send(payload)
	}
	if err == nil {
		l.waiting = append(l.waiting, came)
	}
	l.mu.Unlock()
	if err != nil {
		return nil, err
	}
	b, ok := <-came
	if !ok {
		return nil, errLost
	}
	return b, nil
}

// arrived is called with what has come, which is the caller's again when it returns.
func (l *line) arrived(b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) > 0 {
		l.waiting[0] <- bytes.Clone(b)
		l.waiting = l.waiting[1:]
	}
}

// fail ends the calls under way.
func (l *line) fail() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = true
	for _, came := range l.waiting {
		close(came)
	}
	l.waiting = nil
}

// Close ends both conns.
func (l *line) Close() error {
	l.once.Do(l.end)
	l.fail()
	return nil
}

// twoNodes are the addresses of the first two nodes.
func twoNodes(addr string) (from, to string, err error) {
	all := strings.Split(addr, ",")
	if len(all) != usersNodes {
		return "", "", fmt.Errorf("clusterpeer: address %q: want those of %d nodes", addr, usersNodes)
	}
	return all[0], all[1], nil
}

// User has packets under way from clients at the first node to users at the second one.
func User(ctx context.Context, cfg caller.Config) (caller.Result, error) {
	from, to, err := twoNodes(cfg.Addr)
	if err != nil {
		return caller.Result{}, err
	}
	c, err := newUsers()
	if err != nil {
		return caller.Result{}, err
	}
	defer c.Close()
	return caller.Calls(ctx, cfg, func(ctx context.Context) (caller.Unary, error) { return c.line(ctx, from, to) })
}

// users is the client of all conns.
type users struct {
	*peer.Client
	last atomic.Int64 // user
}

// ends is what a conn's handlers know of it.
type ends struct {
	line *line
	came chan string // names that came back
}

func newUsers() (*users, error) {
	reg := registry.NewAdapting()
	if err := reg.Add(nodePackets()...); err != nil {
		return nil, err
	}
	u := &users{}
	u.Client = peer.NewClient(reg, &peer.Config{Events: peer.Events{OnLost: func(c *peer.Conn, _ error) {
		if e, ok := c.Data().(*ends); ok {
			e.line.fail()
		}
	}}})
	back := func(c *peer.Conn, name *string) error { c.Data().(*ends).came <- *name; return nil }
	peer.Handle(u, be, back)
	peer.Handle(u, aim, back)
	peer.HandleRaw(u, heard, func(c *peer.Conn, b []byte) error { c.Data().(*ends).line.arrived(b); return nil })
	if err := u.RunAsync(); err != nil {
		u.Close()
		return nil, err
	}
	return u, nil
}

// line connects a client to each of two nodes, the second one as a user.
func (u *users) line(ctx context.Context, from, to string) (*line, error) {
	l := &line{}
	user := fmt.Sprint("u", u.last.Add(1), "-", time.Now().UnixNano())
	there, err := u.greet(ctx, to, l, be, user)
	if err != nil {
		return nil, err
	}
	here, err := u.greet(ctx, from, l, aim, user)
	if err != nil {
		there.Close()
		return nil, err
	}
	typ := tells.In(u.Registry())
	l.send = func(b []byte) error { return here.SendRaw(typ, b) }
	l.end = func() { here.Close(); there.Close() }
	return l, nil
}

// greet connects to a node, and tells it a name, which comes back.
func (u *users) greet(ctx context.Context, addr string, l *line, pkt registry.Packet[string], name string) (*peer.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	c, err := u.Connect(ctx, "tcp://"+addr)
	if err != nil {
		return nil, err
	}
	e := &ends{l, make(chan string, 1)}
	c.SetData(e)
	if err = peer.Send(c, pkt, &name); err == nil {
		select {
		case <-e.came:
			return c, nil
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	c.Close()
	return nil, err
}

// NATSUser is User with clients of nats.go: what one publishes at the first server, another one
// has subscribed to at the second.
func NATSUser(ctx context.Context, cfg caller.Config) (caller.Result, error) {
	from, to, err := twoNodes(cfg.Addr)
	if err != nil {
		return caller.Result{}, err
	}
	var last atomic.Int64
	return caller.Calls(ctx, cfg, func(context.Context) (caller.Unary, error) {
		return natsLine(from, to, fmt.Sprint("bench.user.", last.Add(1)))
	})
}

func natsLine(from, to, subject string) (*line, error) {
	there, err := nats.Connect("nats://"+to, nats.NoReconnect())
	if err != nil {
		return nil, err
	}
	here, err := nats.Connect("nats://"+from, nats.NoReconnect())
	if err != nil {
		there.Close()
		return nil, err
	}
	l := &line{
		send: func(b []byte) error { return here.Publish(subject, b) },
		end:  func() { here.Close(); there.Close() },
	}
	known := make(chan bool, 1) // the first server knows of the subscription
	_, err = there.Subscribe(subject, func(m *nats.Msg) {
		if len(m.Data) > 0 {
			l.arrived(m.Data)
			return
		}
		select {
		case known <- true:
		default:
		}
	})
	for tries := 0; err == nil; tries++ {
		if err = here.Publish(subject, nil); err != nil {
			break
		}
		select {
		case <-known:
			return l, nil
		case <-time.After(10 * time.Millisecond):
			if tries > 1000 {
				err = errors.New("clusterpeer: the subscription is not known")
			}
		}
	}
	l.Close()
	return nil, err
}
