package capture

// Play: runs a program's handlers with what a capture has, and compares what they send.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// Program is what a capture is played to: the program that was captured, without its listeners.
type Program struct {
	Server *peer.Server // takes the conns; it runs on the reactor that it was made for
	Posts  *Posts       // what the program's named posts call; nil: there are none

	// Errors are those that offloaded work and conns may end with, which the program
	// compares with errors.Is: a capture has their text. io.EOF and those of package context
	// and of engine are known.
	Errors []error
}

var (
	// ErrContinued: the capture has conns that were open before it began.
	ErrContinued = errors.New("capture: a conn was open before the file began, so its handshake is not in it")

	// ErrGap: records are missing in the capture, so that what comes after cannot be played.
	ErrGap = errors.New("capture: records were dropped here")

	// ErrNoServer: the Program has no Server, or one on another reactor.
	ErrNoServer = errors.New("capture: program has no server on the reactor that it was given")
)

// RecordedError is an error of which a capture has the text.
type RecordedError struct{ Text string }

// Error implements error.
func (e *RecordedError) Error() string { return e.Text }

// Difference is something that is not as it was then.
type Difference struct {
	Record Record // at which it was found; without its Data
	Text   string // what was, and what is
}

// String tells the time, the record and the difference.
func (d Difference) String() string { return fmt.Sprintf("%v: %s", d.Record, d.Text) }

// Result is what Play found.
type Result struct {
	Records     int // that were played
	Conns       int
	Compared    uint64       // bytes of output that are the same
	Unnamed     int          // posted functions without a name that the program has not posted now: they came from outside
	Differences []Difference // at most 100, the first of each conn
}

// maxDifferences bounds Result.Differences.
const maxDifferences = 100

// Play runs the program that newProgram makes for a reactor, with what the capture in r has: the
// same events in the same order on the same clock. It compares the output with that of then. The
// error says why it could not be played to the end; what was found until then is in the Result.
// Logger gets what the program's reactor has to say; nil: silence.
//
// The reactor is the program's in newProgram and later, and closed when Play returns.
func Play(r io.Reader, newProgram func(*engine.Reactor) Program, logger *slog.Logger) (Result, error) {
	read, err := Open(r)
	if err != nil {
		return Result{}, err
	}
	reactor := engine.NewReplay(&engine.Config{Loops: max(int(min(read.start.Bytes, 1<<10)), 1), Logger: logger})
	defer reactor.Close()
	program := newProgram(reactor.Reactor())
	if program.Server == nil || program.Server.Reactor() != reactor.Reactor() {
		return Result{}, ErrNoServer
	}
	p := &player{
		reactor: reactor, program: program, loops: len(reactor.Reactor().Loops()),
		conns: make(map[uint64]*playedConn), then: newCutter(program.Server.Registry()), today: newCutter(program.Server.Registry()),
	}
	p.then.compares, p.today.compares = true, true
	err = p.playAll(read)
	return p.result, err
}

// player is a Play under way.
type player struct {
	reactor *engine.Replay
	program Program
	loops   int
	conns   map[uint64]*playedConn
	then    *cutter // of the output in the capture
	today   *cutter // of the output now
	codec   codec.Msgpack
	now     Record // that is being played
	result  Result
}

func (p *player) playAll(read *Reader) error {
	for rec, err := range read.Records() {
		if err != nil {
			p.finish(false)
			return err
		}
		if rec.Loop >= p.loops {
			return &RecordError{read.offset, fmt.Errorf("there is no loop %d", rec.Loop)}
		}
		p.now = rec
		p.now.Data = nil
		p.reactor.SetTime(rec.Time)
		if err := p.play(&rec); err != nil {
			p.finish(false)
			return err
		}
		p.result.Records++
	}
	p.finish(p.now.Kind == Stop)
	return nil
}

// differ notes a difference.
func (p *player) differ(format string, args ...any) {
	if len(p.result.Differences) < maxDifferences {
		p.result.Differences = append(p.result.Differences, Difference{p.now, fmt.Sprintf(format, args...)})
	}
}

// play does what a record says.
func (p *player) play(r *Record) error {
	switch r.Kind {
	case Start, Stop:
	case Gap:
		return ErrGap
	case Opened:
		return p.open(r)
	case Called:
		if !p.reactor.Call(r.Loop) {
			p.result.Unnamed++
		}
	case Posted:
		fn := p.program.Posts.named(r.Name)
		if fn == nil {
			p.differ("nothing handles the post %q", r.Name)
			return nil
		}
		data := append([]byte(nil), r.Data...)
		p.reactor.Run(r.Loop, func() { fn(data) })
	case Fired:
		if !p.reactor.Fire(r.Loop, r.N) {
			p.differ("timer %d was called, and is not set now", r.N)
		}
	case Offloaded:
		p.offloaded(r)
	default:
		c := p.conns[r.Conn]
		if c == nil {
			return &RecordError{0, fmt.Errorf("conn %d was not opened", r.Conn)}
		}
		c.play(r)
	}
	return nil
}

// open opens a conn.
func (p *player) open(r *Record) error {
	if r.Continued {
		return ErrContinued
	}
	c := newPlayedConn(p, r)
	p.conns[r.Conn] = c
	p.result.Conns++
	p.then.opened(r.Conn, r.Loop)
	p.today.opened(r.Conn, r.Loop)
	var err error
	p.reactor.Do(r.Loop, func() {
		_, err = p.program.Server.Attach(c, p.reactor.Reactor().Loops()[r.Loop])
	})
	if err != nil {
		p.differ("the conn was opened, and is refused now: %v", err)
	}
	return nil
}

// offloaded calls the function for the result of offloaded work.
func (p *player) offloaded(r *Record) {
	var err error
	if r.Err != "" {
		err = p.errorOf(r.Err)
	}
	data := append([]byte(nil), r.Data...)
	decode := func(v any) error {
		if len(data) == 0 {
			return nil
		}
		return p.codec.Decode(data, v)
	}
	if !p.reactor.Finish(r.Loop, r.N, decode, err) {
		p.differ("work %d had a result, and is not offloaded now", r.N)
	}
}

// errorOf is the error of that text.
func (p *player) errorOf(text string) error {
	known := []error{io.EOF, context.Canceled, context.DeadlineExceeded, engine.ErrClosed, engine.ErrSlowConsumer, engine.ErrBusy}
	for _, err := range append(known, p.program.Errors...) {
		if err != nil && err.Error() == text {
			return err
		}
	}
	return &RecordedError{text}
}

// finish compares what is left of conns that are open. Where the capture has not ended in order,
// output may be missing in it.
func (p *player) finish(inOrder bool) {
	for _, c := range p.conns {
		if inOrder {
			c.compareEnd()
		}
	}
}
