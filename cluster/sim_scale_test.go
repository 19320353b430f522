//go:build unix

package cluster

// What a cluster of many nodes says, counted in a world without faults: see docs/scale.md.
//
//	go test . -run TestScale -v -scale 20,50,100

import (
	"flag"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

var scale = flag.String("scale", "", "how many nodes TestScale has, such as 20,50,100; none: a few, and no table")

// scaleUsers is how many users each node has.
const scaleUsers = 100

// TestScale: what nodes say grows with their number as docs/scale.md has it.
func TestScale(t *testing.T) {
	sizes := "5"
	if *scale != "" {
		sizes = *scale
		t.Logf("| nodes | all know each other: messages a node | hellos that a node gets in a quiet second | other messages |  a user who comes, all told | a packet to a room at all nodes | a node vanishes | CPU of a node in a quiet second |")
	}
	for _, size := range strings.Split(sizes, ",") {
		nodes, err := strconv.Atoi(size)
		if err != nil {
			t.Fatal(err)
		}
		w := newSimWorld(1, simNone)
		w.net.lost, w.net.doubled, w.net.late, w.calm = 0, 0, 0, true
		w.lease = DefaultLease
		w.skews = make([]time.Duration, nodes)
		synctest.Test(t, func(t *testing.T) { w.measure(t, nodes) })
		if w.Failure != "" {
			t.Error(w.Failure)
		}
	}
}

// measure has nodes come, be quiet, have users and lose one of them, and counts what they say.
func (w *simWorld) measure(t *testing.T, nodes int) {
	for m := range nodes {
		w.start(m)
	}
	count := func(what func()) (segments int) {
		before := w.net.count - w.net.hellos
		what()
		return w.net.count - w.net.hellos - before
	}
	met := count(func() { w.until("all conns", func() bool { return w.allMet() }) })
	w.pass(time.Second)
	const quietFor = 10
	began, hellos := cpu(), w.net.hellos
	quiet := count(func() { w.pass(quietFor * time.Second) })
	took := cpu() - began
	hellos = w.net.hellos - hellos
	for _, h := range w.hosts {
		for i := range scaleUsers {
			e := h.dir.Bind(fmt.Sprint(h.Name(), "-", i), 1)
			h.mu.Lock()
			h.tell(toldSet, e)
			h.mu.Unlock()
		}
	}
	w.pass(time.Second)
	first := w.hosts[0]
	login := count(func() {
		h := w.hosts[0]
		if err := h.Bind(h.places[0].far, "ann"); err != nil {
			w.Fail("bind: %v", err)
		}
		w.pass(200 * time.Millisecond)
	})
	for _, h := range w.hosts {
		if h.Where("ann") != first.Name() {
			w.Fail("%s says that ann is at %q", h.Name(), h.Where("ann"))
		}
		h.Room("hall").Join(h.places[0].far)
	}
	w.pass(2 * time.Second)
	chat := count(func() {
		if err := Send(first.Node, first.Room("hall"), simNoted, &simNote{0}); err != nil {
			w.Fail("send: %v", err)
		}
		w.pass(200 * time.Millisecond)
	})
	last := w.hosts[nodes-1]
	died := count(func() {
		last.end(true)
		w.until("end of a node", func() bool { return w.allMet() && first.Where(last.Name()+"-1") == "" })
	})
	t.Logf("| %d | %d | %d | %d | %d | %d | %d | %v |", nodes, met/nodes, hellos/quietFor/nodes, quiet/quietFor/nodes, login, chat, died/nodes, took/quietFor/time.Duration(nodes))
	if got := hellos / quietFor / nodes; got > 3*nodes { // five in two seconds
		w.Fail("each node gets %d hellos in a second", got)
	}
	if login > 4*nodes || chat > 4*nodes {
		w.Fail("%d messages for a user, and %d for a packet", login, chat)
	}
	for len(w.hosts) > 0 {
		w.hosts[0].end(true)
	}
}

// allMet reports whether all nodes have conns to all others, and no stream besides.
func (w *simWorld) allMet() bool {
	for _, h := range w.hosts {
		if others := len(w.hosts) - 1; len(h.Nodes()) != others || h.conns() != others || len(h.streams) != 2*others {
			return false
		}
	}
	return true
}

// until has time go by until something is so.
func (w *simWorld) until(what string, is func() bool) {
	for until := w.now + time.Minute; !is(); w.pass(25 * time.Millisecond) {
		if w.now > until {
			w.Fail("no %s", what)
			return
		}
	}
}

// cpu is the time that the process has computed.
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
