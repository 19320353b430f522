package call

import (
	"context"
	"errors"
	"github.com/packetmq/packetmq/internal/peertest"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
)

// Calls from everywhere, both ways, answered, forgotten, cancelled and failed, on conns that are
// lost at any moment: each call ends once, and the counts of both sides add up.
func TestEachCallEndsOnceWhateverHappens(t *testing.T) {
	for name, over := range map[string]peertest.Transport{
		"tcp": peertest.OverTCP, "memory, one reactor": peertest.OverMemory(true), "memory, two reactors": peertest.OverMemory(false),
	} {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			for range 4 {
				stress(t, over)
			}
		})
	}
}

func stress(t *testing.T, over peertest.Transport) {
	var made, ended atomic.Int64
	var kept sync.Map // Answers to send much later
	handle := func(p *peer.Peer) {
		Configure(p, &Config{UnderWay: 64})
		Handle(p, reused, doubles)
		HandleLater(p, double, func(c *Context, q *ask, a Answer[told]) {
			switch q.N % 6 {
			case 0:
				a.Send(&told{N: 2 * q.N})
			case 1:
				go a.Send(&told{N: 2 * q.N})
			case 2:
				go a.Fail(poor)
				go a.Send(&told{N: 2 * q.N})
			case 3:
				go func() { <-c.Done() }() // forgotten
			case 4:
				kept.Store(c, a)
			case 5:
				panic("on purpose")
			}
		})
	}
	s, c := newSide(false), newSide(true)
	s.Cfg.Engine = &engine.Config{Loops: 3}
	w := over(t, s, c, func(w *world) { handle(w.Server); handle(w.Client) })
	check := func(q int, a *told, err error) {
		if err == nil && a.N != 2*q {
			t.Errorf("call %d was answered with %d", q, a.N)
		}
	}
	var workers sync.WaitGroup
	for worker := range 8 {
		workers.Go(func() {
			conn := []*peer.Conn{w.AtClient, w.AtServer}[worker%2]
			for n := range 200 {
				which, q := double, worker*1000+n
				if n%2 == 0 {
					which = reused
				}
				made.Add(1)
				switch n % 4 {
				case 0, 1:
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+rand.IntN(20))*time.Millisecond)
					if n%3 == 0 {
						go cancel()
					}
					a, err := Do(ctx, conn, which, &ask{N: q})
					check(q, a, err)
					ended.Add(1)
					cancel()
				default:
					var once atomic.Bool
					p := Go(conn, which, &ask{N: q}, time.Duration(rand.IntN(20))*time.Millisecond, func(a *told, err error) {
						if once.Swap(true) {
							t.Error("a call ended twice")
						}
						check(q, a, err)
						ended.Add(1)
					})
					if n%3 == 0 {
						go p.Cancel()
					}
				}
			}
		})
	}
	end := rand.IntN(100)
	eventually(t, "some calls have ended", func() bool { return ended.Load() >= int64(10*end) })
	switch end % 4 {
	case 0:
		w.AtClient.Abort(errors.New("on purpose"))
	case 1:
		w.AtServer.Close()
	case 2:
		go w.Server.Close()
	case 3: // none
	}
	workers.Wait()
	if end%4 == 3 {
		w.AtServer.Close()
	}
	eventually(t, "all calls have ended", func() bool { return ended.Load() == made.Load() })
	for _, p := range []*peer.Peer{w.Server, w.Client} {
		s := StatsOf(p)
		if s.Waiting != 0 || s.Made != s.Answered+s.TimedOut+s.Cancelled+s.Lost {
			t.Errorf("counted %+v", s)
		}
	}
	kept.Range(func(_, a any) bool {
		if err := a.(Answer[told]).Send(nil); err == nil {
			t.Error("an answer on a conn that was lost")
		}
		return true
	})
	for _, p := range []*peer.Peer{w.Server, w.Client} {
		eventually(t, "no call is open", func() bool { return StatsOf(p).Open == 0 })
	}
}
