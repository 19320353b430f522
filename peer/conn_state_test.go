package peer

import (
	"math/bits"
	"testing"
)

var allStates = []State{ConnMade, IDCheck, Active, Softquitted, Disconnected}

func TestTransitionsOfAConn(t *testing.T) {
	for name, test := range map[string]struct {
		step transition
		to   [5]State // from each state
	}{
		"init handled":       {initHandled, [5]State{IDCheck, IDCheck, Active, Softquitted, Disconnected}},
		"finish sent":        {finishSent, [5]State{ConnMade, Active, Active, Softquitted, Disconnected}},
		"handshake skipped":  {handshakeSkipped, [5]State{Active, IDCheck, Active, Softquitted, Disconnected}},
		"not let in yet":     {notLetInYet, [5]State{ConnMade, IDCheck, ConnMade, Softquitted, Disconnected}},
		"Softquit called":    {softquitCalled, [5]State{Softquitted, Softquitted, Softquitted, Softquitted, Disconnected}},
		"conversation over":  {conversationOver, [5]State{Softquitted, Softquitted, Softquitted, Softquitted, Disconnected}},
		"transport gone":     {transportGone, [5]State{Disconnected, Disconnected, Disconnected, Disconnected, Disconnected}},
		"set to connMade":    {setBy(ConnMade), [5]State{ConnMade, ConnMade, ConnMade, Softquitted, Disconnected}},
		"set to idcheck":     {setBy(IDCheck), [5]State{IDCheck, IDCheck, IDCheck, Softquitted, Disconnected}},
		"set to active":      {setBy(Active), [5]State{Active, Active, Active, Softquitted, Disconnected}},
		"set to softquitted": {setBy(Softquitted), [5]State{Softquitted, Softquitted, Softquitted, Softquitted, Disconnected}},
		"set to the end":     {setBy(Disconnected), [5]State{Disconnected, Disconnected, Disconnected, Disconnected, Disconnected}},
	} {
		for _, from := range allStates {
			const some = decisionOpen | lastSends
			c := new(Conn)
			c.life.Store(uint32(from))
			c.mark(some)
			before, ok := c.advance(test.step)
			if before != from || c.State() != test.to[from] || !ok && c.State() != from {
				t.Errorf("%s: from %v, said to be %v, to %v (%t), want %v", name, from, before, c.State(), ok, test.to[from])
			}
			if !c.marked(decisionOpen) || !c.marked(lastSends) || c.marked(aborted|endedHere) {
				t.Errorf("%s from %v: the marks are %b", name, from, c.life.Load())
			}
		}
	}
}

// A goroutine that OnOpen has started may be in the middle of SetState(Active) when OnOpen
// returns. From then on Authenticate would not be asked, so the conn does not become Active.
func TestAStepIsNotTakenAfterItsMarkIsCleared(t *testing.T) {
	c := new(Conn)
	c.mark(inOnOpen)
	word := c.life.Load()
	c.unmark(inOnOpen)
	if before, ok := c.advanceFrom(word, setBy(Active), inOnOpen); ok || before != ConnMade || c.State() != ConnMade {
		t.Errorf("from %v to %v (%t) after the mark was cleared", before, c.State(), ok)
	}
	c.mark(inOnOpen | decisionOpen)
	if _, ok := c.advanceFrom(word, setBy(Active), inOnOpen); !ok || c.State() != Active || !c.marked(decisionOpen) {
		t.Errorf("to %v (%t), marks %b, with the mark and another one", c.State(), ok, c.life.Load())
	}
}

func TestMarksOfAConn(t *testing.T) {
	all := []marks{aborted, endedHere, lastSends, decisionOpen, pausedByProgram, pausedByWork}
	for _, m := range all {
		c := new(Conn)
		c.life.Store(uint32(Active))
		c.mark(m)
		for _, other := range all {
			if c.marked(other) != (other == m) {
				t.Errorf("%b is set, and %b is %t", m, other, c.marked(other))
			}
		}
		if c.State() != Active {
			t.Errorf("%b: the state is %v", m, c.State())
		}
		if open := c.isOpen(); open != (m&(aborted|pauses) == 0) {
			t.Errorf("%b: open is %t", m, open)
		}
		if !c.unmark(m) || c.unmark(m) || c.marked(m) {
			t.Errorf("%b is not cleared once", m)
		}
	}
}

func TestFlagRulesOfAConn(t *testing.T) {
	var seen flags
	for _, r := range flagRules {
		if bits.OnesCount8(uint8(r.flag)) != 1 || seen.has(r.flag) {
			t.Errorf("the rule for %b: one flag, and one rule for it", r.flag)
		}
		seen |= r.flag
		for with := flags(1); with != 0; with <<= 1 {
			broken := panics(func() { with.check(r.flag, false) })
			if broken != r.notWith.has(with) {
				t.Errorf("%b set with %b: refused is %t", r.flag, with, broken)
			}
		}
		if broken := panics(func() { r.flag.check(r.flag, true) }); broken == r.clears {
			t.Errorf("%b cleared: refused is %t", r.flag, broken)
		}
	}
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}
