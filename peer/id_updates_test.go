package peer

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/packetmq/packetmq/registry"
)

// A side whose conn is paused tells what is new all the same: a pause holds up what comes in.
func TestUpdatesAreToldOnAPausedConn(t *testing.T) {
	setUp := func(_, c *side) { c.reg.AddObject("test:module", 70, nil, registry.Optional()) }
	everywhere(t, setUp, func(t *testing.T, w *world) {
		sc, cc := w.handshake(t)
		sc.PauseRead()
		if _, err := w.s.reg.AddObject("test:module", 80, nil, registry.Optional()); err != nil {
			t.Fatal(err)
		}
		for _, c := range []*Conn{sc, cc} {
			eventually(t, "update", func() bool { return c.Untyped().Knows("test:module") })
		}
	})
}

// A panic of an observer of updates, or a Goexit, ends the conn that it is called for, and the
// others are told all the same.
func TestObserverOfUpdatesThatFails(t *testing.T) {
	for name, fail := range map[string]func(){"panic": func() { panic("oops") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, nil, func(t *testing.T, w *world) {
				var conns []*Conn
				for range 5 {
					_, cc := w.handshake(t)
					conns = append(conns, cc)
				}
				var failed atomic.Bool
				w.server.Observe(Observer{Updated: func(c *Conn) {
					if !failed.Swap(true) {
						fail()
					}
				}})
				w.c.reg.AddObject("test:module", 70, nil, registry.Optional())
				w.s.reg.AddObject("test:module", 80, nil, registry.Optional())
				eventually(t, "end of one and updates of the others", func() bool {
					known := 0
					for _, c := range conns {
						if c.State() == Active && c.Untyped().Knows("test:module") {
							known++
						}
					}
					return known == len(conns)-1 && w.server.NumConns() == len(conns)-1
				})
			})
		})
	}
}

// No more updates are told at a time than the other side takes.
func TestUpdatesAreNotToldTooOften(t *testing.T) {
	s := newSide(false, 17, 18)
	server := NewServer(s.reg, &s.cfg)
	w := dialTo(t, open(t, server))
	w.shakeAs(initMsg{version: protocolVersion, maxFrame: 256, features: 1 << FeatureOptional})
	c := s.next(t, "made").conn
	const packets = 2 * updateBurst
	onLoop(t, c, func() {
		for i := range packets {
			name := fmt.Sprintf("test:so long that an update has room for one: %d", i)
			if _, err := s.reg.AddObject(name, 100+i, nil, registry.Optional()); err != nil {
				t.Error(err)
			}
		}
		c.tellNews()
		if n := len(c.ids.Load().told.ids); n == 6+packets || !c.attach().tellsLater {
			t.Errorf("%d packets were told at once", n)
		}
		if n := c.attach().told.n; n > updateBurst {
			t.Errorf("%d updates were told at once", n)
		}
	})
}

// What is added while the reactor is stopped is told when it runs again.
func TestUpdatesAfterAStop(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		sc, cc := w.handshake(t)
		if err := w.server.Stop(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "stop", func() bool { return w.server.RunAsync() == nil })
		w.server.Stop()
		for n, reg := range []*registry.Registry{w.s.reg, w.c.reg} {
			reg.AddObject("test:module", 70+n, nil, registry.Optional())
		}
		eventually(t, "run", func() bool { return w.server.RunAsync() == nil })
		select {
		case w.again <- struct{}{}:
		default:
		}
		for _, c := range []*Conn{sc, cc} {
			eventually(t, "update", func() bool { return c.Untyped().Knows("test:module") })
		}
	})
}

// An update for which there is no room is told when there is; where packets may be dropped, at
// once.
func TestUpdatesForWhichThereIsNoRoom(t *testing.T) {
	for _, policy := range []registry.Overflow{registry.Refuse, registry.DropOldest} {
		s, c := newSide(false, 17, 18), newSide(true, 40, 41)
		s.cfg.Overflow = policy
		c.reg.AddObject("test:module", 70, nil, registry.Optional())
		w := transports["tcp"](t, s, c)
		sc, cc := w.handshake(t)
		cc.PauseRead()
		big := &note{Text: string(make([]byte, 60000))}
		for _, v := range []*note{big, {}} { // until there is no room for anything
			onLoop(t, sc, func() {
				before := sc.Dropped()
				for Send(sc, w.s.ping, v) == nil && sc.Dropped() == before {
				}
			})
		}
		w.s.reg.AddObject("test:module", 90, nil, registry.Optional())
		knows := func() bool { return sc.Untyped().Knows("test:module") }
		if policy == registry.DropOldest {
			eventually(t, "update", knows)
		} else {
			eventually(t, "attempt", func() (tried bool) {
				onLoop(t, sc, func() { tried = sc.attach().tellsLater })
				return tried
			})
		}
		cc.ResumeRead()
		eventually(t, "update", knows)
		eventually(t, "update", func() bool { return cc.Untyped().Knows("test:module") })
	}
}

// Packets come and go on both sides under ever other ids, while others are sent: what arrives
// is what was sent, and in the end both know all.
func TestPacketsThatComeAndGo(t *testing.T) {
	everywhereAtOnce(t, nil, func(t *testing.T, w *world) {
		const names, conns = 6, 3
		changes := 400
		if testing.Short() {
			changes = 40
		}
		var all []*Conn
		for range conns {
			sc, cc := w.handshake(t)
			all = append(all, sc, cc)
		}
		name := func(i int) string { return fmt.Sprintf("test:module%d", i) }
		add := func(p *Peer, i, id int) error {
			_, err := p.Registry().AddObject(name(i), id, nil, registry.Optional())
			if err == nil {
				p.Untyped().Handle(name(i), func(c *Conn, v any) error {
					if v != name(i) {
						t.Errorf("%v arrived as %s", v, name(i))
					}
					return nil
				})
			}
			return err
		}
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for _, c := range all {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					runtime.Gosched() // the senders are many
					i := rand.N(names)
					err := c.Untyped().Send(name(i), name(i))
					var unknown *registry.UnknownError
					if err != nil && !errors.Is(err, ErrNotOnWire) && !errors.Is(err, ErrNoPacket) && !errors.As(err, &unknown) && !errors.Is(err, ErrBackpressure) {
						t.Error(err)
						return
					}
				}
			})
		}
		var changers sync.WaitGroup
		for _, p := range []*Peer{w.server.Peer, w.client} {
			changers.Go(func() {
				for n := range changes {
					i := rand.N(names)
					if rand.N(2) == 0 {
						p.Registry().Remove(name(i))
					} else {
						add(p, i, 70+rand.N(2*names))
					}
					if n%10 == 9 { // some changes are told together
						eventually(t, "updates", func() bool { return allTold(p) })
					}
				}
				for i := range names {
					p.Registry().Remove(name(i))
				}
				for i := range names {
					if err := add(p, i, 200+i); err != nil {
						t.Error(err)
					}
				}
			})
		}
		changers.Wait()
		close(stop)
		wg.Wait()
		for _, c := range all {
			if c.State() != Active {
				t.Errorf("%v is %v", c, c.State())
			}
			for i := range names {
				eventually(t, fmt.Sprintf("update of %s on %v", name(i), c), func() bool { return c.Untyped().Knows(name(i)) })
			}
		}
	})
}

// allTold reports whether p's conns have told what its registry has.
func allTold(p *Peer) bool {
	for c := range p.Conns() {
		if c.ids.Load().told.base != p.reg.Table() {
			return false
		}
	}
	return true
}

// A program that makes a conn Active itself, before the other side has sent init, has no
// features in force on it.
func TestFeaturesOfAConnThatTheProgramMakesActive(t *testing.T) {
	s := newSide(false, 17, 18)
	opened := make(chan *Conn, 1)
	s.cfg.OnOpen = func(c *Conn) { opened <- c }
	server := NewServer(s.reg, &s.cfg)
	got := inbox(t, server, s.ping, 1)
	w := dialTo(t, open(t, server))
	w.expect(registry.IDInit)
	c := wait(t, "conn", opened)
	c.Untyped().SetState(Active)
	if c.Uses(FeatureOptional) {
		t.Error("a feature is in force that the other side has not announced")
	}
	w.send(registry.IDUpdate, updateOf(nil))
	w.send(17, unhex("82a16e05a474657874a161"))
	if v := wait(t, "packet", got); v.N != 5 {
		t.Errorf("got %v", v)
	}
}

// The two ends of a conn in memory may have one registry, and packets come and go for both.
func TestUpdatesBetweenSidesWithOneRegistry(t *testing.T) {
	for _, oneReactor := range []bool{false, true} {
		s, c := newSide(false, 17, 18), newSide(true, 40, 41)
		c.reg = s.reg
		w := overMemory(oneReactor)(t, s, c)
		sc, cc := w.handshake(t)
		for n, known := range []bool{true, false, true} {
			if known {
				s.reg.AddObject("test:module", 70+n, nil, registry.Optional())
			} else {
				s.reg.Remove("test:module")
			}
			for _, conn := range []*Conn{sc, cc} {
				eventually(t, "update", func() bool { return conn.Untyped().Knows("test:module") == known })
			}
		}
	}
}

// Details of a feature that are longer than they can be count as missing.
func TestDetailsThatAreTooLong(t *testing.T) {
	s := newSide(false, 17, 18)
	server := NewServer(s.reg, &s.cfg)
	notes := make(chan told, 1)
	server.Extend(extension(testFeature, "", notes))
	w := dialTo(t, open(t, server))
	w.shakeSteps(1, initMsg{version: protocolVersion, features: 1 << testFeature})
	w.expect(registry.IDPubIDs)
	m := pubIDsMsg{adapt: true, ids: s.reg.Table().IDs()}
	w.send(registry.IDPubIDs, appendDetails(m.append(nil), 0, []detail{{testFeature, make([]byte, maxOffer+1)}}))
	if n := wait(t, "offer", notes); n.details != "" {
		t.Errorf("%d bytes of details were taken", len(n.details))
	}
}
