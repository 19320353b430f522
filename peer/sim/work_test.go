package sim

import (
	"errors"
	"testing/synctest"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// workAtOnce is how many pieces of a conn may have no result before its packets wait.
const workAtOnce = 2

// work is what a conn has been given by OffloadInOrder. A piece of it lasts until the
// scheduler ends it: workers are goroutines, and their order is to be chance's too.
type work struct {
	given   int
	begun   int
	results int
	under   []chan struct{} // pieces that have begun, in order: one at most
	wrong   string          // what a worker has seen
}

// offload gives the end's conn a piece of work.
func (w *world) offload(e *end) {
	k := &e.work
	n := k.given
	early := e.lost == 0
	err := peer.OffloadInOrder(e.conn, func() (int, error) {
		if len(k.under) > 0 {
			k.wrong = "a piece of work began before the end of another"
		}
		if early && e.lost > 0 {
			k.wrong = "a piece of work began after the end of its conn"
		}
		k.begun++
		gate := make(chan struct{})
		k.under = append(k.under, gate)
		<-gate
		k.under = k.under[1:]
		return n, nil
	}, func(v int, err error) { w.worked(e, v, err) })
	w.trace.add("  %v: offloads %d: %v", e, n, err)
	switch {
	case err == nil:
		k.given++
		w.working = append(w.working, e)
		synctest.Wait() // until a worker has it, or finds another piece before it
	case errors.Is(err, engine.ErrBusy) && k.given-k.results >= workAtOnce:
	case errors.Is(err, peer.ErrNotActive) && e.lost > 0:
	case errors.Is(err, engine.ErrClosed) && e.party.host.closed:
	default:
		w.fail("%v: no work is taken: %v", e, err)
	}
}

// worked is called with the result of a piece of work, on the loop.
func (w *world) worked(e *end, v int, err error) {
	k := &e.work
	w.trace.add("  %v: the work %d is done: %v", e, v, err)
	if err != nil || v != k.results {
		w.fail("%v: the result of the work %d, %v, came where that of %d should", e, v, err, k.results)
	}
	k.results++
	if !w.calm && w.chance(30) {
		w.reply(e)
	}
}

// doWork ends a piece of work.
func (w *world) doWork() {
	under := w.working[:0]
	for _, e := range w.working {
		if len(e.work.under) > 0 {
			under = append(under, e)
		}
	}
	w.working = under
	if len(under) == 0 {
		return
	}
	e := pick(w, under)
	w.trace.add("%d a piece of work of %v ends", w.step, e)
	w.endPiece(e)
}

func (w *world) endPiece(e *end) {
	close(e.work.under[0])
	synctest.Wait() // until its worker has the next piece, or none
	if e.work.wrong != "" {
		w.fail("%v: %s", e, e.work.wrong)
	}
}

// endWork ends all work.
func (w *world) endWork() {
	for _, e := range w.working {
		for len(e.work.under) > 0 {
			w.endPiece(e)
		}
	}
}

// checkWork checks, when everything has come to rest, that no piece of work was lost.
func (w *world) checkWork() {
	for _, p := range w.parties {
		if p.host.closed || p.host.stopped {
			continue // whose loops do not take results
		}
		given, results := 0, 0
		for _, e := range p.all {
			given += e.work.given
			results += e.work.results
		}
		if undone := int(p.base.Stats().Undone); given != results+undone {
			w.fail("%v has had %d pieces of work, of which %d have a result and %d were dropped", p, given, results, undone)
		}
	}
}
