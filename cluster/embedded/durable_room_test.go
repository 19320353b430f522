package embedded

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/packetmq/packetmq/cluster"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
)

func joinDurable(t testing.TB, r cluster.Room, users ...string) {
	t.Helper()
	for _, user := range users {
		if err := r.JoinDurable(t.Context(), user); err != nil {
			t.Fatal(err)
		}
	}
}

// A durable member has what was sent to the room from when he joined, there or away, at whatever
// node, until he leaves. A packet is in the store once.
func TestDurableRoom(t *testing.T) {
	leak.Check(t)
	a, b, s := twoNodes(t, cluster.Durability{})
	here := a.player("here")
	r := cluster.Durable(a.Room("guild.7"))
	sendDurable(t, a, r, -1) // before anybody has joined
	joinDurable(t, a.Room("guild.7"), "here", "away", "gone")
	joinDurable(t, b.Room("guild.7"), "away") // again, which does nothing
	for i := range 200 {
		sendDurable(t, b, r, i)
	}
	wantNotes(t, here, 0, 199)
	info, err := js(t, s).Stream(t.Context(), "packetmq-packets")
	if err != nil || info.CachedInfo().State.Msgs != 201 {
		t.Errorf("the store has %+v, %v", info.CachedInfo().State, err)
	}
	if err := a.Room("guild.7").LeaveDurable(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	away, gone := b.player("away"), b.player("gone")
	wantNotes(t, away, 0, 199)
	sendDurable(t, a, r, 200)
	wantNotes(t, here, 200, 200)
	wantNotes(t, away, 200, 200)
	sendDurable(t, a, cluster.Durable(cluster.User("gone")), 7)
	wantNotes(t, gone, 7, 7)
	users, err := b.Room("guild.7").DurableMembers(t.Context())
	if slices.Sort(users); err != nil || !slices.Equal(users, []string{"away", "here"}) {
		t.Errorf("members are %q, %v", users, err)
	}
}

// A member who has acknowledged a room's packets has none of them again at another node.
func TestDurableRoomCursor(t *testing.T) {
	leak.Check(t)
	a, b, _ := twoNodes(t, cluster.Durability{})
	r := cluster.Durable(a.Room("r"))
	joinDurable(t, a.Room("r"), "u")
	p := a.player("u")
	for i := range 5 {
		sendDurable(t, b, r, i)
	}
	wantNotes(t, p, 0, 4)
	await.True(t, "acknowledgements", func() bool { return a.Stats().Durable.Acked == 5 })
	again := b.player("u")
	sendDurable(t, b, r, 5)
	wantNotes(t, again, 5, 5)
}

// putRecord writes a user's record of a room as JoinDurable does, and says nothing to any node.
func putRecord(t testing.TB, s *Server, user, room string, cursor byte) {
	t.Helper()
	if _, err := js(t, s).Publish(t.Context(), "packetmq.member."+user+"."+room, []byte{cursor}); err != nil {
		t.Fatal(err)
	}
}

// A user who is there follows a room that he has joined, or left and joined again, though the word of
// it to his node was lost.
func TestDurableRoomWithoutAWord(t *testing.T) {
	leak.Check(t)
	a, b, s := twoNodes(t, cluster.Durability{Age: 4 * time.Second}) // so the store is looked through each second
	joinDurable(t, b.Room("before"), "u")
	p := a.player("u")
	sendDurable(t, b, cluster.Durable(b.Room("before")), 0)
	wantNotes(t, p, 0, 0) // so the node has looked for its user's rooms
	r := cluster.Durable(b.Room("r"))
	putRecord(t, s, "u", "r", 1)
	sendDurable(t, b, r, 0)
	wantNotes(t, p, 0, 0)
	await.True(t, "acknowledgement in the store", func() bool { return cursorOf(t, s, "u", "r") == 2 })
	members, err := js(t, s).Stream(t.Context(), "packetmq-members")
	if err == nil {
		err = members.Purge(t.Context(), jetstream.WithPurgeSubject("packetmq.member.u.r"))
	}
	if err != nil {
		t.Fatal(err)
	}
	putRecord(t, s, "u", "r", 2)
	for i := range 3 {
		sendDurable(t, b, r, 1+i)
		wantNotes(t, p, 1+i, 1+i)
		await.True(t, "acknowledgement in the store", func() bool { return cursorOf(t, s, "u", "r") == byte(3+i) })
	}
}

// cursorOf is how far a user has a room's packets, as the store has it.
func cursorOf(t testing.TB, s *Server, user, room string) byte {
	t.Helper()
	m, err := js(t, s).Stream(t.Context(), "packetmq-members")
	if err != nil {
		return 0
	}
	record, err := m.GetLastMsgForSubject(t.Context(), "packetmq.member."+user+"."+room)
	if err != nil || len(record.Data) == 0 {
		return 0
	}
	return record.Data[0]
}

// When the packets are lost and the members are not, members have what is sent from then on, and the
// program is told; when the members are lost, it is told too.
func TestDurablePartsAreLost(t *testing.T) {
	leak.Check(t)
	lost := make(chan cluster.StorePart, 100)
	a, b, s := twoNodes(t, cluster.Durability{Age: 8 * time.Second, OnLost: func(part cluster.StorePart) { lost <- part }})
	joinDurable(t, a.Room("r"), "here", "away")
	r := cluster.Durable(a.Room("r"))
	here, away := a.player("here"), a.player("away")
	for i := range 5 {
		sendDurable(t, b, r, i)
	}
	wantNotes(t, here, 0, 4)
	wantNotes(t, away, 0, 4)
	await.True(t, "acknowledgements in the store", func() bool { return cursorOf(t, s, "here", "r") == 5 && cursorOf(t, s, "away", "r") == 5 })
	away.End("reason.bye")
	await.True(t, "a member who is away", func() bool { return a.Where("away") == "" && b.Where("away") == "" })
	if err := js(t, s).DeleteStream(t.Context(), "packetmq-packets"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if part := await.Value(t, "word of it at each node", lost); part != cluster.StorePackets {
			t.Errorf("told that the %s are lost", part)
		}
	}
	for i := range 3 {
		await.True(t, "a store again", func() bool {
			return cluster.SendDurable(t.Context(), b.Node, r.WithID(fmt.Sprint(i)), noted, &note{N: 5 + i}) == nil
		})
	}
	wantNotes(t, here, 5, 7)
	wantNotes(t, b.player("away"), 5, 7)
	if err := js(t, s).DeleteStream(t.Context(), "packetmq-members"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if part := await.Value(t, "word of it at each node", lost); part != cluster.StoreMembers {
			t.Errorf("told that the %s are lost", part)
		}
	}
	if got := a.Stats().Durable.Lost; got != 2 {
		t.Errorf("%d losses are counted", got)
	}
}

// A room takes packets on and on while its members are there. If one is away for so long that the
// room is full, what he had not had is dropped, the oldest first, and told; the sender finds out
// if it was too fast.
func TestDurableRoomIsTrimmed(t *testing.T) {
	leak.Check(t)
	var told dropped
	a, b, s := twoNodes(t, cluster.Durability{Packets: 40, OnDropped: told.add})
	r := cluster.Durable(a.Room("r"))
	joinDurable(t, a.Room("r"), "here", "away")
	here := b.player("here")
	for i := range 100 {
		await.True(t, "room for a packet", func() bool {
			return cluster.SendDurable(t.Context(), a.Node, r.WithID(fmt.Sprint(i)), noted, &note{N: i}) == nil
		})
		wantNotes(t, here, i, i)
	}
	away := a.player("away")
	first := away.next(t).N
	wantNotes(t, away, first+1, 99)
	var lost []string
	for i := range first {
		lost = append(lost, fmt.Sprint("away r ", i, " false"))
	}
	got := slices.DeleteFunc(slices.Concat(told.all()), func(s string) bool { return s[:4] == "here" })
	if first < 60 || len(got) < first || !slices.Equal(got[:first], lost) { // what is read just then may be dropped too
		t.Errorf("the member has packets from %d on, and of what was dropped these were told: %q", first, got)
	}
	info, err := js(t, s).Stream(t.Context(), "packetmq-packets")
	if err != nil || info.CachedInfo().State.Msgs > 40 {
		t.Errorf("the store has %+v, %v", info.CachedInfo().State, err)
	}
}
