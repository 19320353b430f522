package engine

// How far a conn is in its life, and what else is true of it.

import "fmt"

// connState is how far a conn is in its life. It belongs to the loop.
//
//	state       what the conn may do                  how it is left
//	unopened    be queued for                         start: open; refused, or ended in Opened: closed
//	open        receive and send                      Finish: finishing; Abort, the other side's end, a failure: closed
//	finishing   send what waits; input is dropped     all is sent: halfClosed; no progress for the grace, Abort, an end: closed
//	halfClosed  wait for the other side to close      it closes, or the grace is over, or Abort: closed
//	closed      nothing; Closed is or will be called
type connState uint8

const (
	unopened connState = iota
	open
	finishing
	halfClosed
	closed
)

var connStateNames = [...]string{"unopened", "open", "finishing", "half-closed", "closed"}

func (s connState) String() string { return connStateNames[s] }

// nextStates is the table above: the states that may follow each one.
var nextStates = [...][]connState{
	unopened:   {open, closed},
	open:       {finishing, closed},
	finishing:  {halfClosed, closed},
	halfClosed: {closed},
	closed:     {},
}

// become moves the conn on. The debug build panics where the table has no such step.
func (c *Conn) become(next connState) {
	if debugBuild && !c.state.mayBecome(next) {
		panic(fmt.Sprintf("engine: a conn that is %v became %v", c.state, next))
	}
	c.state = next
}

func (s connState) mayBecome(next connState) bool {
	for _, n := range nextStates[s] {
		if n == next {
			return true
		}
	}
	return false
}

// connFlags are what is true of a conn beside its state. They belong to the loop.
type connFlags uint16

const (
	inDirty     connFlags = 1 << iota // it is in loop.dirty, and is flushed at the end of the callback
	inReady                           // it waits in loop.ready for a share of a turn
	inLookout                         // it is in loop.backlogs, polled or watched, since its transport has a backlog
	toldAbove                         // the handler was told that the conn is above Config.SoftPending
	delayOutput                       // SetDelayOutput: output waits here while the transport has a backlog
	flushing                          // writeAll is under way, and loop.unwritten has what is not written yet
	pausedRead                        // the transport was told to leave input where it is

	// Of a socket.
	wrapped       // a Wrapper's transport lies between it and the conn
	inGnet        // gnet is being called: what it reports meanwhile is the result of the call
	gnetHasOutput // gnet may have output of the socket, which must leave first
	endTold       // the end was delivered, or is not wanted
)

func (f connFlags) has(flag connFlags) bool { return f&flag != 0 }
func (f *connFlags) set(flag connFlags)     { *f |= flag }
func (f *connFlags) unset(flag connFlags)   { *f &^= flag }
