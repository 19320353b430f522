package session

import (
	"errors"
	"slices"
	"testing"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/peer"
)

var errCut = errors.New("cut by the test")

// On every transport what is sent in a session arrives in order and once, both ways, over conns
// that are cut again and again, beside packets that are not the session's.
func TestSessionSurvivesItsConns(t *testing.T) {
	atServer, atClient, others := make(chan int, 1000), make(chan int, 1000), make(chan int, 1000)
	begun := make(chan *Session, 10)
	ended := make(chan ends, 10)
	everywhere(t, func(w *world) {
		Serve(w.Server, &Config{
			OnNew: func(s *Session) { begun <- s },
			OnEnd: func(s *Session, reason error, unacked []Packet) { ended <- ends{s, reason, unacked} },
		})
		New(w.Client, nil).End("") // so that the conn announces sessions
		handleNews(w.Server, atServer)
		handleNews(w.Client, atClient)
		peer.Handle(w.Server, plain, func(c *peer.Conn, v *note) error {
			if Of(c) == nil {
				t.Error("the handler finds no session")
			}
			others <- v.N
			return nil
		})
	}, func(t *testing.T, w *world) {
		s := New(w.Client, &Config{OnEnd: func(s *Session, reason error, unacked []Packet) { ended <- ends{s, reason, unacked} }})
		send(t, s, 1)
		if err := s.Carry(w.AtClient); err != nil {
			t.Fatal(err)
		}
		far := await.Value(t, "session at the server", begun)
		<-s.Begun()
		if far.ID() != s.ID() || s.ID() == (ID{}) {
			t.Errorf("the ids are %v and %v", far.ID(), s.ID())
		}
		n := 1
		c := w.AtClient
		for range 5 {
			for range 10 {
				n++
				send(t, s, n)
				if err := peer.Send(c, plain, &note{n}); err != nil {
					t.Fatal(err)
				}
				send(t, far, n)
			}
			wantSequence(t, others, n-9, n)
			c.Abort(errCut)
			send(t, s, n+1)
			send(t, far, n+1)
			n++
			next, err := w.Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Carry(next); err != nil {
				t.Fatal(err)
			}
			c = next
			await.True(t, "the session is back", func() bool { return !s.Away() && s.Conn() == next })
		}
		send(t, s, n+1)
		send(t, far, n+1)
		wantSequence(t, atServer, 1, n+1)
		wantSequence(t, atClient, 2, n+1)
		s.End("test.over")
		for range 2 {
			e := await.Value(t, "end", ended)
			if e.reason != peer.Reason("test.over") {
				t.Errorf("ended with %v", e.reason)
			}
			if e.s == far && len(e.unacked) > 0 {
				t.Errorf("the server is told of %v", numbers(t, e.unacked))
			}
		}
		if err := Send(s, news, &note{}); err != ErrEnded {
			t.Errorf("a send after the end: %v", err)
		}
		if len(atServer)+len(atClient)+len(ended) != 0 {
			t.Error("there is more")
		}
		if st := StatsOf(w.Server); st.Sessions != 0 || st.Begun != 1 || st.Resumed != 5 || st.Malformed != 0 {
			t.Errorf("the server has counted %+v", st)
		}
	})
}

// A client's program finds its packets again, in order, if the server refuses the session.
func TestUnknownSessionEndsWithWhatWasNotAcknowledged(t *testing.T) {
	ended := make(chan ends, 10)
	far := make(chan *Session, 10)
	everywhere(t, func(w *world) {
		Serve(w.Server, &Config{OnNew: func(s *Session) { far <- s }})
		New(w.Client, nil).End("")
		handleNews(w.Server, make(chan int, 100))
	}, func(t *testing.T, w *world) {
		s := New(w.Client, &Config{OnEnd: func(s *Session, reason error, unacked []Packet) { ended <- ends{s, reason, unacked} }})
		s.Carry(w.AtClient)
		at := await.Value(t, "session", far)
		<-s.Begun()
		w.AtClient.Abort(errCut)
		await.True(t, "the server's session is away", at.Away)
		at.End("") // the client does not hear of it
		for n := range 3 {
			send(t, s, n)
		}
		c, err := w.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.Carry(c)
		e := await.Value(t, "end", ended)
		if e.reason != ErrUnknown || !slices.Equal(numbers(t, e.unacked), []int{0, 1, 2}) {
			t.Errorf("ended with %v and %v", e.reason, numbers(t, e.unacked))
		}
	})
}
