package engine

// Those who are told how long each callback of a loop takes.

import (
	"slices"
	"time"
)

// callbackWatchers are the functions that Loop.Watch was given. Loop only.
type callbackWatchers struct {
	list  []*callbackWatcher
	began time.Time // of the callback under way; zero where nobody watched when it began
}

type callbackWatcher struct{ told func(took time.Duration) }

// add has told called from the end of the next callback on.
func (q *callbackWatchers) add(told func(took time.Duration)) *callbackWatcher {
	w := &callbackWatcher{told}
	q.list = append(slices.Clip(q.list), w)
	return w
}

// remove takes add back. A w that is not there is nothing. Those who are being told go on
// with the list as it was.
func (q *callbackWatchers) remove(w *callbackWatcher) {
	q.list = slices.DeleteFunc(slices.Clone(q.list), func(x *callbackWatcher) bool { return x == w })
}

// begin begins the time of a callback, if somebody watches.
func (q *callbackWatchers) begin() {
	if len(q.list) > 0 {
		q.began = time.Now()
	}
}

// end ends the time of a callback, if somebody watches.
func (q *callbackWatchers) end() {
	if len(q.list) > 0 {
		q.tell()
	}
}

// tell tells how long the callback took, unless it is the one that began to watch.
func (q *callbackWatchers) tell() {
	if q.began.IsZero() {
		return
	}
	took := time.Since(q.began)
	q.began = time.Time{}
	for _, w := range q.list {
		w.told(took)
	}
}
