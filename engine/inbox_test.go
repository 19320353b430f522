package engine

import (
	"errors"
	"slices"
	"testing"
)

// counted is an inbox whose wake-ups are counted.
func counted() (b *inbox, wakeUps *int) {
	b, wakeUps = new(inbox), new(int)
	b.setWake(func() { *wakeUps++ })
	return b, wakeUps
}

func TestInboxWakesOncePerTurn(t *testing.T) {
	b, wakeUps := counted()
	for range 3 {
		b.post(task{fn: func() {}})
		b.request(new(Conn))
		b.poke()
	}
	if *wakeUps != 1 {
		t.Fatalf("%d wake-ups for one turn, want 1", *wakeUps)
	}
	b.beginTurn()
	b.poke()
	if *wakeUps != 2 {
		t.Errorf("%d wake-ups for two turns, want 2", *wakeUps)
	}
}

// What is asked in a callback wakes the loop when that ends, and not before.
func TestInboxWakesAfterACallback(t *testing.T) {
	for _, test := range []struct {
		name        string
		ask         func(b *inbox)
		more        bool
		want, after int // wake-ups within the callback, and after it
	}{
		{"nothing", func(*inbox) {}, false, 0, 0},
		{"nothing, but work elsewhere", func(*inbox) {}, true, 0, 1},
		{"a task", func(b *inbox) { b.post(task{}) }, false, 0, 1},
		{"a conn", func(b *inbox) { b.request(new(Conn)) }, false, 0, 1},
		{"a timer", func(b *inbox) { b.noteTimer() }, false, 0, 1},
		{"the end of the round", func(b *inbox) { b.wakeAfterRound() }, false, 1, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			b, wakeUps := counted()
			b.beginCallback()
			test.ask(b)
			if *wakeUps != test.want {
				t.Errorf("%d wake-ups in the callback, want %d", *wakeUps, test.want)
			}
			b.endCallback()
			b.wakeIfAsked(test.more)
			if *wakeUps != test.after {
				t.Errorf("%d wake-ups after it, want %d", *wakeUps, test.after)
			}
		})
	}
}

func TestInboxWithoutADriver(t *testing.T) {
	var b inbox
	b.post(task{})
	if b.wakeAfterRound() {
		t.Error("a turn is on its way, and nobody would take it")
	}
	if b.isEmpty() || !b.hasNews() {
		t.Error("what was posted is not there")
	}
}

// A turn takes a bounded number of tasks, in order, and finishes them before it takes
// more.
func TestInboxTurns(t *testing.T) {
	b, _ := counted()
	var got []int
	for i := range maxTasks + 2 {
		b.post(task{fn: func() { got = append(got, i) }})
	}
	b.beginTurn()
	for range maxTasks - 1 {
		task, _ := b.nextTask()
		task.fn()
	}
	b.beginTurn() // the last one was cut short
	for task, ok := b.nextTask(); ok; task, ok = b.nextTask() {
		task.fn()
	}
	if len(got) != maxTasks || !slices.IsSorted(got) {
		t.Fatalf("%d tasks in the first turn, want %d, in order", len(got), maxTasks)
	}
	b.beginTurn()
	for task, ok := b.nextTask(); ok; task, ok = b.nextTask() {
		task.fn()
	}
	if len(got) != maxTasks+2 || !b.isEmpty() {
		t.Errorf("%d tasks in all, want %d", len(got), maxTasks+2)
	}
}

func TestClosedInbox(t *testing.T) {
	b, _ := counted()
	dropped := 0
	b.post(task{})
	b.beginTurn()
	b.post(task{})
	b.close(func(task) {
		if dropped++; dropped == 1 {
			b.post(task{}) // by a handler that is told of the first one
		}
	})
	if dropped != 3 {
		t.Errorf("%d tasks were dropped, want 3", dropped)
	}
	if err := b.post(task{}); !errors.Is(err, ErrClosed) {
		t.Errorf("post = %v, want ErrClosed", err)
	}
	b.request(new(Conn))
	if !b.isEmpty() {
		t.Error("a closed inbox took something in")
	}
}

// What a Goexit kept from being answered is answered in the next turn, before what came
// since.
func TestInboxAfterGoexit(t *testing.T) {
	b, _ := counted()
	first, second, third := new(Conn), new(Conn), new(Conn)
	b.request(first)
	b.request(second)
	b.answering, b.requests = []*Conn{nil, second}, []*Conn{third} // first called Goexit
	b.afterGoexit()
	if !slices.Equal(b.requests, []*Conn{second, third}) {
		t.Errorf("%d requests are left, want the second and the third", len(b.requests))
	}
	if !b.beginTurn() {
		t.Error("the next turn does not look at the timers")
	}
}
