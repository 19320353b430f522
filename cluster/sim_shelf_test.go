package cluster

// The store of the copies of sessions in the simulation: it answers late, or not at all though it
// has done what it was asked for, or refuses, and machines cannot reach it for a while.

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"github.com/packetmq/packetmq/internal/simtest"
)

// simShelf is the store. What it is asked for waits until the world has it done.
type simShelf struct {
	w      *simWorld
	kept   map[string]simCopy
	last   uint64
	faulty bool
	astray map[string]bool // keys that a host has taken over, perhaps without knowing it

	mu    sync.Mutex
	asked []*simRequest // since the world has looked

	waits []*simRequest
}

// simCopy is what is kept by a key.
type simCopy struct {
	value    []byte
	revision uint64
}

// simDrawer is the store as one host has it.
type simDrawer struct {
	shelf *simShelf
	host  *simHost
}

// simRequest is a call of Copies.
type simRequest struct {
	host     int
	kind     simRequestKind
	key      string
	value    []byte
	revision uint64

	at     time.Duration // when it is done
	silent bool          // it is done, and not answered
	answer chan simAnswer
}

type simRequestKind int

const (
	simGet simRequestKind = iota
	simPut
	simDelete
)

type simAnswer struct {
	simCopy
	err error
}

var errSimShelf = errors.New("sim: the store refuses")

func newSimShelf(w *simWorld) *simShelf {
	return &simShelf{w: w, kept: make(map[string]simCopy), astray: make(map[string]bool), faulty: w.Chance(70)}
}

// ask has the store do something, and waits for its answer.
func (d *simDrawer) ask(ctx context.Context, kind simRequestKind, key string, value []byte, revision uint64) (simCopy, error) {
	r := &simRequest{host: d.host.number, kind: kind, key: key, value: value, revision: revision, answer: make(chan simAnswer, 1)}
	d.shelf.mu.Lock()
	d.shelf.asked = append(d.shelf.asked, r)
	d.shelf.mu.Unlock()
	select {
	case a := <-r.answer:
		return a.simCopy, a.err
	case <-ctx.Done():
		return simCopy{}, ctx.Err()
	}
}

// Put implements Copies, as the following methods do.
func (d *simDrawer) Put(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	c, err := d.ask(ctx, simPut, key, slices.Clone(value), revision)
	return c.revision, err
}

func (d *simDrawer) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	c, err := d.ask(ctx, simGet, key, nil, 0)
	return c.value, c.revision, err
}

func (d *simDrawer) Delete(ctx context.Context, key string, revision uint64) error {
	_, err := d.ask(ctx, simDelete, key, nil, revision)
	return err
}

// heal has the store do at once what it is asked for.
func (x *simShelf) heal() {
	if x != nil {
		x.faulty = false
	}
}

// serve does what is due. A goroutine that is answered goes on before the next one is.
func (x *simShelf) serve() {
	if x == nil {
		return
	}
	x.take()
	var due []*simRequest
	x.waits = slices.DeleteFunc(x.waits, func(r *simRequest) bool {
		if r.at <= x.w.now {
			due = append(due, r)
			return true
		}
		return false
	})
	for _, r := range due {
		a := x.do(r)
		if !r.silent {
			r.answer <- a
			synctest.Wait()
		}
	}
}

// take decides what becomes of what the store was asked for since it was called last.
func (x *simShelf) take() {
	x.mu.Lock()
	asked := x.asked
	x.asked = nil
	x.mu.Unlock()
	slices.SortStableFunc(asked, func(a, b *simRequest) int { // goroutines ask in any order
		return cmp.Or(cmp.Compare(a.host, b.host), cmp.Compare(a.key, b.key), cmp.Compare(a.kind, b.kind), cmp.Compare(a.revision, b.revision))
	})
	for _, r := range asked {
		r.at = x.w.now
		if x.faulty && x.w.Chance(20) {
			r.at += simtest.Pick(x.w.World, []time.Duration{5 * time.Millisecond, 200 * time.Millisecond, 2 * time.Second, 7 * time.Second})
			r.silent = x.w.Chance(30)
		}
		x.waits = append(x.waits, r)
	}
}

// do does one thing.
func (x *simShelf) do(r *simRequest) simAnswer {
	c := x.kept[r.key]
	switch {
	case x.faulty && x.w.Chance(3):
		return simAnswer{err: errSimShelf}
	case r.kind == simGet:
		return simAnswer{c, nil}
	case c.revision != r.revision:
		return simAnswer{err: ErrRevision}
	case r.kind == simDelete:
		delete(x.kept, r.key)
		return simAnswer{}
	}
	x.last++
	if was, _, ok := readCopy(c.value); ok && x.faulty { // it may give it back late, or never
		if is, _, _ := readCopy(r.value); is != was {
			x.astray[r.key] = true
		}
	}
	if x.w.sabotage == simCopyLost && c.revision > 0 {
		x.kept[r.key] = simCopy{c.value, x.last}
	} else {
		x.kept[r.key] = simCopy{r.value, x.last}
	}
	return simAnswer{x.kept[r.key], nil}
}
