package request

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/rate"
	"github.com/packetmq/packetmq/room"
)

// Without a Config nobody may join, and everybody may leave what the server has put them in.
func TestWithoutAConfigNobodyMay(t *testing.T) {
	for name, cfg := range map[string]*Config{"nil": nil, "zero": {}, "waits": {Waits: true}} {
		t.Run(name, func(t *testing.T) {
			var rooms *room.Rooms
			w := couple(t, func(w *world) {
				rooms = room.New(w.Server, nil)
				ServeRooms(w.Server, lobbies, rooms, cfg)
			})
			if err := lobbies.Join(t.Context(), w.AtClient, "lobby"); !errors.Is(err, ErrRefused) {
				t.Errorf("got %v", err)
			}
			if err := rooms.Room("lobby").Join(w.AtServer); err != nil {
				t.Fatal(err)
			}
			if was, err := lobbies.Leave(t.Context(), w.AtClient, "lobby"); err != nil || !was {
				t.Errorf("leave: %v, %v", was, err)
			}
		})
	}
}

// An error that is not meant for the client is not told, and a reason ends the conn.
func TestErrorsOfMay(t *testing.T) {
	for _, waits := range []bool{false, true} {
		lost := make(chan error, 1)
		w := couple(t, func(w *world) {
			ServeRooms(w.Server, lobbies, room.New(w.Server, nil), &Config{Waits: waits, May: func(_ *call.Context, name string) error {
				switch name {
				case "panic":
					panic("of the program")
				case "ends":
					return peer.Reason("reason.enough")
				}
				return errors.New("a secret")
			}})
		})
		w.AtClient.OnLost(func(reason error) { lost <- reason })
		for _, name := range []string{"other", "panic"} {
			if err := lobbies.Join(t.Context(), w.AtClient, name); !errors.Is(err, call.ErrInternal) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: the client is told %v", name, err)
			}
		}
		if err := lobbies.Join(t.Context(), w.AtClient, "ends"); err == nil {
			t.Error("no error")
		}
		if reason := wait(t, "end", lost); !errors.Is(reason, peer.Reason("reason.enough")) {
			t.Errorf("waits %v: the conn ended with %v", waits, reason)
		}
	}
}

// With Waits a conn's requests keep their order, however long May takes, and its loop does not
// wait.
func TestRequestsThatWaitKeepTheirOrder(t *testing.T) {
	let, asked := make(chan struct{}), make(chan string, 10)
	var rooms *room.Rooms
	w := couple(t, func(w *world) {
		rooms = room.New(w.Server, nil)
		ServeRooms(w.Server, lobbies, rooms, &Config{Waits: true, May: func(_ *call.Context, name string) error {
			asked <- name
			<-let
			return nil
		}})
	})
	done := make(chan string, 10)
	then := func(what string) func(error) {
		return func(err error) {
			if err != nil {
				what += ": " + err.Error()
			}
			done <- what
		}
	}
	lobbies.JoinThen(w.AtClient, "lobby", 0, then("joined"))
	lobbies.LeaveThen(w.AtClient, "lobby", 0, func(was bool, err error) {
		if !was {
			err = errors.Join(err, errors.New("was not there"))
		}
		then("left")(err)
	})
	gone := lobbies.JoinThen(w.AtClient, "given up", 0, then("given up"))
	lobbies.JoinThen(w.AtClient, "other", 0, then("joined another"))
	wait(t, "question", asked)
	if err := w.AtServer.Loop().Call(t.Context(), func() {}); err != nil {
		t.Errorf("the loop waits: %v", err)
	}
	gone.Cancel()
	if what := wait(t, "end", done); what != "given up: context canceled" {
		t.Errorf("first %q", what)
	}
	eventually(t, "the server knows", func() bool { return call.StatsOf(w.Server).Withdrawn == 1 })
	close(let)
	for _, want := range []string{"joined", "left", "joined another"} {
		if what := wait(t, "answer", done); what != want {
			t.Errorf("got %q, want %q", what, want)
		}
	}
	if rooms.Room("given up").Has(w.AtServer) || !rooms.Room("other").Has(w.AtServer) {
		t.Error("the client is where it should not be, or is not where it should be")
	}
}

// What Member returns joins, and what it returns nil for does not.
func TestMembersJoinForConns(t *testing.T) {
	var rooms *room.Rooms
	var member atomic.Pointer[peer.Conn]
	var none atomic.Bool
	w := couple(t, func(w *world) {
		rooms = room.New(w.Server, nil)
		ServeRooms(w.Server, lobbies, rooms, &Config{May: everything, Member: func(c *peer.Conn) room.Member {
			switch {
			case none.Load():
				return (*session)(nil)
			case member.Load() == nil:
				return nil
			}
			return &session{member.Load()}
		}})
	})
	if err := lobbies.Join(t.Context(), w.AtClient, "lobby"); !errors.Is(err, ErrRefused) {
		t.Errorf("nobody joins: %v", err)
	}
	none.Store(true)
	if err := lobbies.Join(t.Context(), w.AtClient, "lobby"); !errors.Is(err, ErrRefused) {
		t.Errorf("a nil session joins: %v", err)
	}
	if was, err := lobbies.Leave(t.Context(), w.AtClient, "lobby"); err != nil || was {
		t.Errorf("nobody leaves: %v, %v", was, err)
	}
	none.Store(false)
	member.Store(w.AtServer)
	if err := lobbies.Join(t.Context(), w.AtClient, "lobby"); err != nil {
		t.Error(err)
	}
	for m := range rooms.Room("lobby").Members() {
		if _, ok := m.(*session); !ok {
			t.Errorf("the member is %v", m)
		}
	}
	if rooms.Room("lobby").Len() != 1 {
		t.Error("nobody is in the room")
	}
}

type session struct{ conn *peer.Conn }

func (s *session) Loop() *engine.Loop                   { return s.conn.Loop() }
func (s *session) OnLost(f func(error)) (_ func() bool) { return s.conn.OnLost(f) }
func (s *session) SendEncoded(e *peer.Encoded) error    { return e.SendTo(s.conn) }

// On a loop Join is refused at once, and JoinThen works.
func TestOnALoop(t *testing.T) {
	w := couple(t, func(w *world) {
		ServeRooms(w.Server, lobbies, room.New(w.Server, nil), &Config{May: everything})
	})
	done := make(chan error, 2)
	w.AtClient.Loop().Post(func() {
		done <- lobbies.Join(context.Background(), w.AtClient, "lobby")
		lobbies.JoinThen(w.AtClient, "lobby", 0, func(err error) { done <- err })
	})
	if err := wait(t, "refusal", done); !errors.Is(err, call.ErrOnLoop) {
		t.Errorf("Join: %v", err)
	}
	if err := wait(t, "answer", done); err != nil {
		t.Errorf("JoinThen: %v", err)
	}
}

// The zero Request, and a peer without the packets, are mistakes of the program.
func TestWhatCannotBeServed(t *testing.T) {
	w := couple(t, func(*world) {})
	if err := (Request{}).Join(t.Context(), w.AtClient, "lobby"); !errors.Is(err, call.ErrUndefined) {
		t.Errorf("the zero Request: %v", err)
	}
	for name, r := range map[string]Request{"zero": {}, "not in the registry": Define("test:unknown", 90)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			ServeRooms(w.Server, r, room.New(w.Server, nil), nil)
		}()
	}
}

// A conn that goes on and on beyond its rate is ended, with a reason.
func TestAFloodOfRequestsEndsItsConn(t *testing.T) {
	w := couple(t, func(w *world) {
		ServeRooms(w.Server, lobbies, room.New(w.Server, nil), &Config{May: everything, Rate: rate.Limit{PerSecond: 0.001, Burst: 5}})
	})
	lost := make(chan error, 1)
	w.AtClient.OnLost(func(reason error) { lost <- reason })
	done := make(chan error, 21)
	for range 21 {
		lobbies.JoinThen(w.AtClient, "lobby", 0, func(err error) { done <- err })
	}
	let, limited := 0, 0
	for range 21 {
		switch err := wait(t, "answer", done); {
		case err == nil:
			let++
		case errors.Is(err, rate.ErrLimited):
			limited++
		}
	}
	if let != 5 || limited != 15 {
		t.Errorf("%d requests passed and %d were over the rate, want 5 and 15", let, limited)
	}
	if reason := wait(t, "end", lost); !errors.Is(reason, ReasonFlood) {
		t.Errorf("the conn ended with %v", reason)
	}
}

// The rate is each conn's own, for joins and leaves together, unless there is to be none.
func TestRequestsHaveARate(t *testing.T) {
	for name, test := range map[string]struct {
		rate rate.Limit
		want int // of 400 requests at least one fails after so many; 0: none
	}{
		"default": {rate.Limit{}, DefaultRate.Burst},
		"150":     {rate.Limit{PerSecond: 0.001, Burst: 150}, 150},
		"none":    {rate.Limit{PerSecond: math.Inf(1)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := couple(t, func(w *world) {
				ServeRooms(w.Server, lobbies, room.New(w.Server, nil), &Config{May: everything, Rate: test.rate})
			})
			done := make(chan error, 400)
			for range 200 {
				lobbies.JoinThen(w.AtClient, "lobby", 0, func(err error) { done <- err })
				lobbies.LeaveThen(w.AtClient, "lobby", 0, func(_ bool, err error) { done <- err })
			}
			let := 0
			for range 400 {
				switch err := wait(t, "answer", done); {
				case err == nil:
					let++
				case !errors.Is(err, rate.ErrLimited):
					t.Fatal(err)
				}
			}
			if test.want == 0 && let != 400 || test.want > 0 && (let < test.want || let == 400) {
				t.Errorf("%d of 400 requests passed", let)
			}
		})
	}
}
