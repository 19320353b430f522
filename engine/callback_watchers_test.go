package engine

import (
	"slices"
	"testing"
	"time"
)

// Who begins to watch in a callback is told of the next one, and of none after it has stopped,
// be that while it is told.
func TestCallbackWatchersAreToldOfWholeCallbacks(t *testing.T) {
	var q callbackWatchers
	var told []string
	callback := func(in func()) {
		q.begin()
		in()
		q.end()
	}
	var first *callbackWatcher
	callback(func() { first = q.add(func(time.Duration) { told = append(told, "first") }) })
	if len(told) != 0 {
		t.Errorf("%v were told of a callback that had begun before", told)
	}
	callback(func() {})
	var once *callbackWatcher
	once = q.add(func(time.Duration) { told = append(told, "once"); q.remove(once) })
	last := q.add(func(time.Duration) { told = append(told, "last") })
	callback(func() {})
	q.remove(first)
	q.remove(first)
	callback(func() {})
	q.remove(last)
	callback(func() {})
	if want := []string{"first", "first", "once", "last", "last"}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}
