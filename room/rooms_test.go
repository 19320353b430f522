package room

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

func TestEachMemberGetsOneCopy(t *testing.T) {
	h := newHall(t, Config{})
	anna, ben, carl := h.enter("anna"), h.enter("ben"), h.enter("carl")
	h.enter("dora")
	lobby := h.rooms.Room("lobby")
	join(t, lobby, anna, ben, carl)
	join(t, lobby, anna)
	join(t, h.rooms.Room("other"), anna)
	send(t, lobby, 1)
	send(t, h.rooms.Room("lobby"), 2, Except(ben))
	send(t, lobby, 3, Except(ben), Where(func(m Member) bool { return m != Member(carl) }))
	send(t, h.rooms.Room("empty"), 4)
	h.wantGot("anna", 1, 2, 3)
	h.wantGot("ben", 1)
	h.wantGot("carl", 1, 2)
	h.wantGot("dora")
	if s := h.rooms.Stats(); s != (Stats{Sets: 2, Members: 3, Memberships: 4, Sends: 3, Sent: 6}) {
		t.Errorf("the stats are %+v", s)
	}
}

// Members are moved inside of a set when others leave. Nobody is lost by that.
func TestAnySubsetCanLeave(t *testing.T) {
	h := newHall(t, Config{})
	lobby := h.rooms.Room("lobby")
	var conns []*peer.Conn
	for i := range 100 {
		c := h.enter(fmt.Sprint(i))
		conns = append(conns, c)
		join(t, lobby, c)
	}
	for i, c := range conns {
		if i%3 != 0 && !lobby.Leave(c) {
			t.Fatal("a member was none")
		}
	}
	for i, c := range conns {
		if lobby.Has(c) != (i%3 == 0) {
			t.Errorf("%d is a member: %v", i, lobby.Has(c))
		}
	}
	send(t, lobby, 1)
	h.settle()
	if n := len(h.got); n != 34 || lobby.Len() != 34 {
		t.Errorf("%d got the packet, Len is %d, want 34", n, lobby.Len())
	}
	for _, c := range conns {
		if lobby.Leave(c); lobby.Leave(c) {
			t.Error("a member left twice")
		}
	}
	if s := h.rooms.Stats(); s.Sets != 0 || s.Memberships != 0 {
		t.Errorf("left are %+v", s)
	}
}

func TestPresenceIsToldOnceAndInOrder(t *testing.T) {
	h := newHall(t, Config{})
	anna := h.enter("anna")
	a, b := h.rooms.Room("a"), h.rooms.Room("b")
	join(t, a, anna, anna)
	h.wantTold("anna joined a")
	a.Leave(anna)
	a.Leave(anna)
	join(t, a, anna)
	join(t, b, anna)
	h.wantTold("anna left a: <nil>", "anna joined a", "anna joined b")
	h.ends["anna"].Abort(nil)
	h.settle()
	if len(h.told) != 2 || !strings.HasPrefix(h.told[0], "anna left a: ") || !strings.HasPrefix(h.told[1], "anna left b: ") {
		t.Errorf("at the end the program was told %q", h.told)
	}
	if strings.Contains(h.told[0], "<nil>") {
		t.Error("the end has no reason")
	}
	if err := a.Join(anna); !errors.Is(err, peer.ErrClosed) {
		t.Errorf("who has ended joins: %v", err)
	}
}

// A join that is not told yet when the conn ends is told before the end is.
func TestJoinedComesBeforeLeftAtAnEndOnTheLoop(t *testing.T) {
	h := newHall(t, Config{})
	anna := h.enter("anna")
	lobby := h.rooms.Room("lobby")
	why := errors.New("thrown out")
	anna.Loop().Post(func() {
		lobby.Join(anna)
		anna.Abort(why)
	})
	h.settle()
	if len(h.told) != 2 || h.told[0] != "anna joined lobby" || !strings.HasPrefix(h.told[1], "anna left lobby: ") {
		t.Errorf("the program was told %q", h.told)
	}
}

// What is not told when the reactor closes is told then.
func TestPresenceIsToldWhenTheReactorCloses(t *testing.T) {
	h := newHall(t, Config{})
	anna, ben := h.enter("anna"), h.enter("ben")
	lobby := h.rooms.Room("lobby")
	join(t, lobby, ben)
	h.wantTold("ben joined lobby")
	join(t, lobby, anna)
	lobby.Leave(ben)
	h.v.Close()
	slices.Sort(h.told)
	if len(h.told) != 3 || h.told[0] != "anna joined lobby" || !strings.HasPrefix(h.told[1], "anna left lobby: ") || h.told[2] != "ben left lobby: <nil>" {
		t.Errorf("the program was told %q", h.told)
	}
}

func TestAPanicLosesNoPresence(t *testing.T) {
	var h *hall
	h = newHall(t, Config{Joined: func(r Room, m Member) {
		h.tell("%s joined %s", m, r)
		if r.Name() == "a" {
			panic("of the program")
		}
	}})
	anna := h.enter("anna")
	join(t, h.rooms.Room("a"), anna)
	join(t, h.rooms.Room("b"), anna)
	h.wantTold("anna joined a", "anna joined b")
}

func TestMembershipsAreBounded(t *testing.T) {
	h := newHall(t, Config{Memberships: 2})
	anna := h.enter("anna")
	join(t, h.rooms.Room("a"), anna)
	join(t, h.rooms.Room("b"), anna)
	var limit *LimitError
	if err := h.rooms.Room("c").Join(anna); !errors.As(err, &limit) || limit.Max != 2 {
		t.Errorf("the third room: %v", err)
	}
	if s := h.rooms.Stats(); s.Sets != 2 {
		t.Errorf("a room nobody could join is there: %+v", s)
	}
	join(t, h.rooms.Room("b"), anna)
	h.rooms.Room("a").Leave(anna)
	join(t, h.rooms.Room("c"), anna)
}

func TestWhatCannotBeJoined(t *testing.T) {
	h := newHall(t, Config{})
	anna := h.enter("anna")
	lobby := h.rooms.Room("lobby")
	stranger := newHall(t, Config{}).enter("stranger")
	for name, test := range map[string]struct {
		room Room
		m    Member
		want error
	}{
		"no name":             {h.rooms.Room(""), anna, ErrName},
		"a long name":         {h.rooms.Room(strings.Repeat("x", MaxName+1)), anna, ErrName},
		"the zero Room":       {Room{}, anna, ErrNoRoom},
		"a room of no Rooms":  {(*Rooms)(nil).Room("lobby"), anna, ErrNoRoom},
		"nil":                 {lobby, nil, ErrNoMember},
		"a nil conn":          {lobby, (*peer.Conn)(nil), peer.ErrNoConn},
		"another peer's conn": {lobby, stranger, peer.ErrNoConn},
		"no SessionMember":    {lobby, new(noSession), ErrNoMember},
		"a nil session":       {lobby, (*session)(nil), ErrNoMember},
	} {
		if err := test.room.Join(test.m); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	if err := Send(Room{}, news, &note{}); !errors.Is(err, ErrNoRoom) {
		t.Errorf("to the zero Room: %v", err)
	}
	join(t, lobby, anna)
	unknown := registry.Define[note]("test:unknown", 41)
	if err := Send(lobby, unknown, &note{}); !errors.Is(err, peer.ErrNoPacket) {
		t.Errorf("an unknown packet: %v", err)
	}
	if (Room{}).Has(anna) || (Room{}).Leave(anna) || (Room{}).Len() != 0 || lobby.Has(nil) || lobby.Leave(nil) {
		t.Error("nobody is somewhere")
	}
}

type noSession struct{}

func (*noSession) Loop() *engine.Loop                 { return nil }
func (*noSession) OnLost(func(error)) (_ func() bool) { return nil }

// A session is a member that is no conn.
func TestASessionCanBeAMember(t *testing.T) {
	h := newHall(t, Config{})
	s := &session{conn: h.enter("anna")}
	h.names[s] = "session"
	lobby := h.rooms.Room("lobby")
	join(t, lobby, s)
	send(t, lobby, 1)
	h.wantGot("anna", 1)
	s.conn = h.enter("anna again")
	send(t, lobby, 2)
	h.wantGot("anna again", 2)
	s.conn.Loop().Post(func() { s.lost(errors.New("over")) })
	h.wantTold("session joined lobby", "session left lobby: over")
}

type session struct {
	conn *peer.Conn
	lost func(error)
}

func (s *session) Loop() *engine.Loop                   { return s.conn.Loop() }
func (s *session) OnLost(f func(error)) (_ func() bool) { s.lost = f; return nil }
func (s *session) SendEncoded(e *peer.Encoded) error    { return e.SendTo(s.conn) }

// A member who takes nothing keeps nobody from the packets, and what it does not get is
// counted.
func TestASlowMemberIsCounted(t *testing.T) {
	h := newHall(t, Config{})
	slow, fast := h.enter("slow"), h.enter("fast")
	slow.SetOverflow(registry.Refuse)
	lobby := h.rooms.Room("lobby")
	join(t, lobby, slow, fast)
	h.ends["slow"].PauseRead()
	h.settle()
	n := 0
	for ; h.rooms.Stats().Failed == 0 && n < 1e7; n++ {
		send(t, lobby, n)
		if n%1000 == 0 {
			h.settle()
		}
	}
	h.settle()
	if got := len(h.got["fast"]); got != n {
		t.Errorf("the fast member got %d, want %d", got, n)
	}
	if s := h.rooms.Stats(); s.Failed != 1 || s.Sent != uint64(2*n-1) {
		t.Errorf("the stats are %+v, after %d packets", s, n)
	}
}

func TestRoomsAndMembersAreListed(t *testing.T) {
	h := newHall(t, Config{})
	anna, ben := h.enter("anna"), h.enter("ben")
	a, b := h.rooms.Room("a"), h.rooms.Room("b")
	join(t, a, anna, ben)
	join(t, b, anna)
	names := func(rooms func(func(Room) bool)) (list []string) {
		for r := range rooms {
			list = append(list, r.Name())
		}
		slices.Sort(list)
		return list
	}
	if got := names(h.rooms.All()); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("all rooms are %q", got)
	}
	if got := names(h.rooms.Of(anna)); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("anna's rooms are %q", got)
	}
	if got := names(h.rooms.Of(ben)); !slices.Equal(got, []string{"a"}) {
		t.Errorf("ben's rooms are %q", got)
	}
	n := 0
	for m := range a.Members() {
		n++
		a.Leave(m) // a loop may change what it goes through
	}
	if n != 2 || a.Len() != 0 || b.Len() != 1 {
		t.Errorf("%d members of a were listed, %d are left", n, a.Len())
	}
}

func TestNewWithoutAPeerPanics(t *testing.T) {
	defer func() {
		if err, ok := recover().(error); !ok || !errors.Is(err, peer.ErrNoPeer) {
			t.Errorf("recovered %v", err)
		}
	}()
	New((*peer.Server)(nil), nil)
}

// A packet that was encoded before goes to all members, and what is none to nobody.
func TestSendEncoded(t *testing.T) {
	h := newHall(t, Config{})
	anna, ben := h.enter("anna"), h.enter("ben")
	lobby := h.rooms.Room("lobby")
	join(t, lobby, anna, ben)
	e, err := peer.Encode(h.server, news, &note{7})
	if err != nil {
		t.Fatal(err)
	}
	for _, options := range [][]Option{nil, {Except(ben)}} {
		if err := lobby.SendEncoded(e, options...); err != nil {
			t.Fatal(err)
		}
	}
	e.Release()
	h.wantGot("anna", 7, 7)
	h.wantGot("ben", 7)
	if err := lobby.SendEncoded(nil); !errors.Is(err, peer.ErrNoPacket) {
		t.Errorf("no packet: %v", err)
	}
	if err := (Room{}).SendEncoded(e); !errors.Is(err, ErrNoRoom) {
		t.Errorf("no room: %v", err)
	}
}
