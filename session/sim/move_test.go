package sim

import (
	"context"
	"encoding/binary"

	"github.com/packetmq/packetmq/session"
)

// move is sessions on their way from one server to another, as from a process to the next one:
// the old server exports them one after the other, and when all are out the new one imports them.
// If that process fails, the old server takes them back.
type move struct {
	w     *world
	from  *server
	given [][]byte
	asked int // how often give was called
	pace  pace
	over  bool
}

// pace is the context of an Export, which asks it before each session: it waits there until the
// world goes on. So nothing of the export happens beside a turn of a loop.
type pace struct {
	context.Context
	next chan struct{}
}

func (p pace) Err() error {
	<-p.next
	return nil
}

// startMove begins to take all sessions out of the server. It still has the listeners: clients
// that come are told to come back.
func (w *world) startMove() {
	m := &move{w: w, from: w.server, pace: pace{context.Background(), make(chan struct{})}}
	w.move = m
	go func() {
		m.from.sessions.Export(m.pace, w.blobOf, m.give)
		m.over = true
	}()
}

// blobOf is what the program keeps with a session: which of the world's sides it is.
func (w *world) blobOf(s *session.Session) []byte {
	for i, x := range w.order {
		if x.s == s {
			return binary.BigEndian.AppendUint64(nil, uint64(i))
		}
	}
	w.Fail("a session is exported that nobody has begun")
	return make([]byte, 8)
}

// give takes a session for the new process. It waits, as for the answer of that process.
func (m *move) give(_ *session.Session, data []byte) error {
	<-m.pace.next
	if m.asked++; m.asked%8 == 0 {
		return errRefused // this one stays
	}
	m.given = append(m.given, data)
	return nil
}

// goOn lets the export do its next step, and ends the move when all are out.
func (m *move) goOn() {
	if !m.over {
		select {
		case m.pace.next <- struct{}{}:
		default: // it waits for a loop
		}
		m.w.Wait()
		return
	}
	m.w.move = nil
	if m.w.Chance(30) {
		m.w.returned += m.takeIn(m.from)
		m.from.sessions.Resume()
		return
	}
	m.w.startServer()
	m.w.moved += m.takeIn(m.w.server)
	m.from.peer.Close() // with what has stayed
}

// takeIn imports what was given, and returns how many sessions that were.
func (m *move) takeIn(by *server) (n int) {
	for _, data := range m.given {
		s, blob, err := by.sessions.Import(data)
		if err != nil {
			m.w.Fail("import: %v", err)
			return n
		}
		x := m.w.order[binary.BigEndian.Uint64(blob)]
		x.s, x.away = s, true // until its client comes back
		m.w.sides[s] = x
		m.w.Note("moved %v", s.ID())
		n++
	}
	return n
}
