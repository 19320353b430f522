package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// never is longer than a run.
const never = 1000 * time.Hour

// world is one run.
type world struct {
	seed     uint64
	rng      *rand.Rand
	trace    *trace
	sabotage sabotage

	patient bool // nobody waits for anything in vain
	rage    bool // handlers fail, quit and stop
	chatty  int  // replies to a hundred packets, or 20
	heavy   int  // packets in a thousand that are large
	budget  int  // packets that may still be sent
	noise   []byte

	hosts   []*host
	books   []*book
	parties []*party
	servers []*party
	clients []*party
	links   []*link
	live    []*link // those that are not over
	drains  []*drain
	working []*end // those with work that may not have ended
	deeds   []deed

	step    int
	tag     uint64
	quits   int
	calm    bool // handlers only listen
	harm    int  // acts of sabotage
	failure string
}

// drain is a Shutdown that waits.
type drain struct {
	cancel context.CancelFunc
	done   chan error
}

// noise is what pads are cut from.
var noise = func() []byte {
	b := make([]byte, 64<<10)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}()

func newWorld(seed uint64, all io.Writer, s sabotage) *world {
	return &world{
		seed: seed, rng: rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)), trace: newTrace(all), sabotage: s, noise: noise,
	}
}

// fail ends the run; the first failure counts.
func (w *world) fail(format string, args ...any) {
	if w.failure == "" {
		w.failure = fmt.Sprintf("step %d: ", w.step) + fmt.Sprintf(format, args...)
		line, _, _ := strings.Cut(w.failure, "\n") // no stack, which is never the same
		w.trace.add("  FAILED: %s", line)
	}
}

func (w *world) chance(percent int) bool { return w.rng.IntN(100) < percent }

func pick[T any](w *world, from []T) T { return from[w.rng.IntN(len(from))] }

// time is d, or what never comes in a world where nobody waits in vain.
func (w *world) time(d time.Duration) time.Duration {
	if w.patient {
		return never
	}
	return d
}

// bubble lets the goroutines run that wait for a Shutdown.
func (w *world) bubble() {
	if len(w.drains) > 0 {
		synctest.Wait()
	}
}

// build makes the hosts, the registries and the peers.
func (w *world) build() {
	w.patient, w.rage, w.heavy = w.chance(60), w.chance(60), pick(w, []int{0, 20, 20, 200})
	w.budget, w.chatty = pick(w, []int{100, 500, 2000}), pick(w, []int{20, 20, 90})
	w.trace.add("seed %d: patient %v, rage %v, heavy %d, %d packets", w.seed, w.patient, w.rage, w.heavy, w.budget)
	for range 1 + w.rng.IntN(3) {
		w.hosts = append(w.hosts, w.newHost())
	}
	names := make([]string, 2+w.rng.IntN(7))
	for i := range names {
		names[i] = fmt.Sprintf("sim:n%d", i)
	}
	insists := w.chance(80) // the servers
	for i := range 1 + w.rng.IntN(3) {
		w.servers = append(w.servers, w.newParty(fmt.Sprintf("s%d", i), true, pick(w, w.hosts), w.someBook(!insists, names)))
	}
	for i := range 1 + w.rng.IntN(4) {
		w.clients = append(w.clients, w.newParty(fmt.Sprintf("c%d", i), false, pick(w, w.hosts), w.someBook(insists, names)))
	}
	w.parties = append(append(w.parties, w.servers...), w.clients...)
	w.arm()
}

// someBook is a registry: a new one, or one that others have too; the wrong one,
// once in a while.
func (w *world) someBook(adapt bool, names []string) *book {
	if w.chance(5) {
		adapt = !adapt
	}
	if w.chance(8) {
		names = append(names[:len(names)-1:len(names)-1], "sim:other")
	}
	for _, b := range w.books {
		if b.adapt == adapt && w.chance(30) {
			return b
		}
	}
	return w.newBook(adapt, names)
}

// run is a whole run.
func (w *world) run() {
	w.build()
	for steps := 100 + w.rng.IntN(500); w.step < steps && w.failure == ""; {
		w.step++
		w.act()
		w.check()
	}
	if w.failure == "" {
		w.finish()
	}
	for _, h := range w.hosts { // in a failed run too, for the goroutines
		if !h.closed {
			h.close()
		}
	}
	for _, d := range w.drains {
		<-d.done
		d.cancel()
	}
	w.endWork()
	if w.failure == "" {
		w.audit()
	}
}

// check looks at everything that can still change.
func (w *world) check() {
	live := w.live[:0]
	for _, l := range w.live {
		l.check()
		if !l.over() {
			live = append(live, l)
		}
	}
	w.live = live
	for _, h := range w.hosts {
		h.check()
	}
	for _, b := range w.books {
		b.check()
	}
}

// finish brings the world to rest, most of the time, and looks whether
// everything came that should have.
func (w *world) finish() {
	if w.chance(25) {
		w.trace.add("the end comes without a warning")
		return
	}
	w.step++
	w.trace.add("%d rest", w.step)
	w.calm = true
	for _, h := range w.hosts {
		if h.stopped && !h.closed {
			h.run()
		}
	}
	if w.chance(25) {
		for range 4 {
			w.step++ // which names what is added
			pick(w, w.books).change()
		}
		w.turnAll()
	}
	for _, l := range w.live {
		for _, e := range l.ends {
			if e.wire != nil {
				e.wire.heal()
			}
			if e.paused {
				w.pause(e)
			}
		}
	}
	w.endWork()
	w.rest(2 * time.Second)
	w.checkWork()
	for _, l := range w.live {
		l.rested()
	}
	if w.failure != "" {
		return
	}
	w.trace.add("leave")
	for _, l := range w.live {
		w.leave(l)
	}
	w.rest(3 * time.Second)
	for _, l := range w.live {
		for _, e := range l.ends {
			if !e.dead() {
				w.fail("%v is still there, in state %v, when all have left", e, e.state)
			}
		}
	}
}

// leave ends a link from one of its sides.
func (w *world) leave(l *link) {
	for _, e := range l.ends {
		if l.foe && e.opened() {
			w.abort(e)
		}
	}
	e := l.ends[w.rng.IntN(2)]
	if !l.foe && e.opened() && e.lost == 0 {
		w.softquit(e)
	}
}

// rested checks a link at which nothing is under way.
func (l *link) rested() {
	if l.foe || l.unlike || l.broken || l.external || !l.w.patient {
		return
	}
	for _, e := range l.ends {
		if e.quit != "" || e.acted {
			return
		}
	}
	if l.shaky {
		l.updated()
		return
	}
	for _, e := range l.ends {
		if !e.made || e.conn.State() != peer.Active {
			l.w.fail("%v is not made, or in state %v, with nothing in its way", e, e.conn.State())
			return
		}
		if n := e.conn.Pending(); n > 0 {
			l.w.fail("%v has %d bytes waiting, with nothing in their way", e, n)
		}
		e.complete()
		for tag, came := range e.injected {
			if !came {
				l.w.fail("%v never got %d, which was injected", e, tag)
			}
		}
	}
}

// updated checks that the ends of a link know the packets that both have, whenever they were
// added.
func (l *link) updated() {
	for _, e := range l.ends {
		if !e.made || e.conn.State() != peer.Active || !e.conn.Uses(peer.FeatureOptional) {
			return
		}
	}
	for _, e := range l.ends {
		for _, name := range e.party.book.names {
			if slices.Contains(e.other().party.book.names, name) && !e.conn.Untyped().Knows(name) {
				l.w.fail("%v does not know %s, which both sides have", e, name)
			}
		}
	}
	l.w.trace.add("%v: %d packets are known", l.ends[0], len(l.ends[0].party.book.names))
}

// rest lets time go on, and all do what they have to.
func (w *world) rest(span time.Duration) {
	for w.failure == "" {
		w.turnAll()
		w.check()
		d := 250 * time.Millisecond
		for _, h := range w.hosts {
			if next, ok := h.v.Next(); ok && h.runs() {
				d = min(d, max(next, time.Microsecond))
			}
		}
		if span -= d; span < 0 {
			return
		}
		w.advance(d)
	}
}

// turnAll has all loops take turns until none has anything to do.
func (w *world) turnAll() {
	const most = 20_000
	for n := 0; w.failure == ""; {
		idle := true
		for _, h := range w.hosts {
			for i := 0; i < h.loops && h.runs(); i++ {
				if h.v.Pending(i) {
					idle = false
					n++
					h.turn(i)
					w.check()
				}
			}
		}
		if idle {
			return
		}
		if n > most {
			w.fail("it does not come to rest in %d turns", most)
		}
	}
}

func (w *world) advance(d time.Duration) {
	for _, h := range w.hosts {
		if h.runs() {
			h.v.Advance(d)
		}
	}
}

// audit looks at what is left when everything is closed.
func (w *world) audit() {
	for _, l := range w.links {
		for _, e := range l.ends {
			if !e.opened() {
				continue
			}
			if e.lost != 1 {
				w.fail("%v was opened, and lost %d times", e, e.lost)
			}
			if s := e.conn.State(); s != peer.Disconnected {
				w.fail("%v is %v at the end", e, s)
			}
		}
	}
	for _, h := range w.hosts {
		if n := h.r.Buffers().Out(); n != 0 {
			w.fail("host %d left %d buffers", h.name, n)
		}
		if n := h.r.Conns(); n != 0 {
			w.fail("host %d counts %d conns at the end", h.name, n)
		}
	}
	for _, b := range w.books {
		b.check()
	}
	for _, p := range w.parties {
		if n := p.base.NumConns(); n != 0 {
			w.fail("%v counts %d conns at the end", p, n)
		}
	}
}

// logger fails the run on a panic that nobody meant.
func (w *world) logger() *slog.Logger { return slog.New(&ear{w: w}) }

// ear is a log handler.
type ear struct {
	slog.Handler
	w *world
}

func (e *ear) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }

func (e *ear) Handle(_ context.Context, r slog.Record) error {
	text, meant := r.Message, false
	r.Attrs(func(a slog.Attr) bool {
		if err, ok := a.Value.Any().(error); ok && errors.Is(err, errOnPurpose) {
			meant = true
		}
		text += fmt.Sprintf("\n%s: %v", a.Key, a.Value)
		return true
	})
	if !meant {
		e.w.fail("log: %s", text)
	}
	return nil
}

var _ engine.Transport = (*wire)(nil)
