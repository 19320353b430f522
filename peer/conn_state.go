package peer

// A conn's life as two tables. Its State and the marks beside it are one atomic word,
// since any goroutine may ask for them; the flags are for the loop alone.
//
//	state         entered when                         left when
//	ConnMade      the conn is made                     the other side's init is handled, or there is no handshake
//	IDCheck       init was handled                     the ids agree, and the program lets the other side in
//	Active        this side has sent its finish        one of the sides ends the conversation
//	Softquitted   the conversation has ended           the transport is gone
//	Disconnected  the transport is gone                never
//
// A conn is lost in two steps: with the conversation OnLost is called, with the
// transport the conn is forgotten. A conn whose transport breaks does both at once.

import "fmt"

// State is how far a conn is in its life.
type State uint8

// The states, in the order in which a conn passes them. A conn that skips the
// handshake starts in Active; a conn that breaks goes to Disconnected from any.
const (
	ConnMade     State = iota // connected; handshake_init is on its way
	IDCheck                   // versions agree; handshake_pubids is on its way
	Active                    // packets may be sent and received
	Softquitted               // this side or the other has ended the conversation
	Disconnected              // the transport is gone
)

func (s State) String() string {
	switch s {
	case ConnMade:
		return "connMade"
	case IDCheck:
		return "idcheck"
	case Active:
		return "active"
	case Softquitted:
		return "softquitted"
	case Disconnected:
		return "disconnected"
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// states is a set of them, one bit for each.
type states uint8

const (
	unended   = states(1<<ConnMade | 1<<IDCheck | 1<<Active)
	connected = unended | states(1<<Softquitted)
	anyState  = connected | states(1<<Disconnected)
)

func (set states) has(s State) bool { return set>>s&1 == 1 }

// transition is a step from one state to another. In a state that is not in from it
// changes nothing.
type transition struct {
	from states
	to   State
}

// The transitions of the protocol. UntypedConn.SetState has its own, see setBy.
var (
	initHandled      = transition{1 << ConnMade, IDCheck}
	finishSent       = transition{1 << IDCheck, Active}
	handshakeSkipped = transition{1 << ConnMade, Active}
	notLetInYet      = transition{1 << Active, ConnMade} // OnOpen made it Active, and Authenticate is still to be asked
	softquitCalled   = transition{unended, Softquitted}  // by the program; the loop does the rest
	conversationOver = transition{connected, Softquitted}
	transportGone    = transition{anyState, Disconnected}
)

// setBy is the transition of a SetState: to and fro until the conversation has ended,
// and only onwards from there.
func setBy(to State) transition {
	return transition{unended | states(1<<(to+1)-1), to}
}

// marks stand beside the State in Conn.life. Any goroutine may look at them.
type marks uint32

const (
	aborted         marks = 1 << (8 + iota) // Abort was called: nothing more is handled, and nothing but OnLost is called
	endedHere                               // this side ended the conn, so a client does not come back
	lastSends                               // OnLost is being called: the program may still send, though the State is Softquitted
	decisionOpen                            // Authenticate was called, and Decide may answer for it
	lostTold                                // the functions of OnLost are being called, or were
	inOnOpen                                // OnOpen is being called, where a conn may be made Active that is to be authenticated
	pausedByProgram                         // PauseRead was called, and ResumeRead was not
	canPause                                // the conn is made and not lost, so that a pause has effect
	pausedByWork                            // more than Config.WorkInOrder pieces of OffloadInOrder wait
	resumeDue                               // the loop is about to call resumed
	workOver                                // OnLost was called: no more work is offloaded for the conn
	notReady                                // the handshake of the conn's Scheme is not done: the program does not know the conn
	overScheme                              // the engine has opened the conn over the transport of a Scheme
)

// pauses are the marks that each have a conn's packets wait. A conn is read again when
// none of them is left.
const pauses = pausedByProgram | pausedByWork

// State is how far the conn is in its life.
func (c *Conn) State() State {
	if c == nil {
		return Disconnected
	}
	return State(c.life.Load())
}

// advance takes the conn a step further if the step begins in the state that the conn
// is in, and returns that state.
func (c *Conn) advance(t transition) (before State, ok bool) {
	return c.advanceFrom(c.life.Load(), t, 0)
}

// advanceFrom is advance for a conn whose life was word a moment ago, and that must have
// the marks in needs: if it has not, nothing changes. State and marks are compared and
// swapped together, so a step that needs a mark is never taken after the mark was cleared.
func (c *Conn) advanceFrom(word uint32, t transition, needs marks) (before State, ok bool) {
	for {
		before = State(word)
		if !t.from.has(before) || marks(word)&needs != needs {
			return before, false
		}
		if c.life.CompareAndSwap(word, word&^0xff|uint32(t.to)) {
			return before, true
		}
		word = c.life.Load()
	}
}

func (c *Conn) marked(m marks) bool { return c.life.Load()&uint32(m) != 0 }

// mark sets marks.
func (c *Conn) mark(m marks) { c.life.Or(uint32(m)) }

// unmark clears a mark, and reports whether it was set: of several goroutines one is
// told so.
func (c *Conn) unmark(m marks) bool { return c.life.And(^uint32(m))&uint32(m) != 0 }

// isOpen reports whether packets of the program are handled: the conn is Active, and is
// neither aborted nor paused.
func (c *Conn) isOpen() bool { return c.life.Load()&(0xff|uint32(aborted|pauses)) == uint32(Active) }

// flags are what has happened to a conn, and what it is doing. They are the loop's.
type flags uint8

const (
	handshaking flags = 1 << iota // frames are bounded as the handshake's are: from the opening until finish is sent
	finishSeen                    // the other side's finish was handled
	made                          // OnMade was called, or is being called
	lost                          // OnLost was called, or is being called
	inputEnded                    // no more input is handled
	inputKept                     // input waits for a Decide, and what comes waits after it
	heartbeats                    // both sides know heartbeats
	encoding                      // a reply is being written where output is appended: what its value sends meanwhile is queued
)

// flagRules says of each flag whether it is ever cleared, and which flags must not be
// set before it. The debug build checks them.
var flagRules = [8]struct {
	flag    flags
	clears  bool
	notWith flags
}{
	{handshaking, true, 0},
	{finishSeen, false, lost},
	{made, false, lost},
	{lost, false, 0},
	{inputEnded, false, 0},
	{inputKept, true, lost},
	{heartbeats, false, lost},
	{encoding, true, encoding},
}

func (f flags) has(x flags) bool { return f&x != 0 }

// set sets one flag.
func (f *flags) set(x flags) {
	if debugBuild {
		f.check(x, false)
	}
	*f |= x
}

// clear clears one flag.
func (f *flags) clear(x flags) {
	if debugBuild {
		f.check(x, true)
	}
	*f &^= x
}

// check panics where a flag is set or cleared that must not be.
func (f flags) check(x flags, clears bool) {
	for _, r := range flagRules {
		switch {
		case r.flag != x:
		case clears && !r.clears:
			panic(fmt.Sprintf("peer: flag %b is never cleared", x))
		case !clears && f.has(r.notWith):
			panic(fmt.Sprintf("peer: flag %b is set with %b", x, f))
		}
	}
}
