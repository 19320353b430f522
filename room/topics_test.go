package room

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/peer"
)

func subscribe(t testing.TB, topics *Topics, m Member, patterns ...string) {
	t.Helper()
	for _, p := range patterns {
		if err := topics.Subscribe(m, p); err != nil {
			t.Fatal(err)
		}
	}
}

func publish(t testing.TB, topics *Topics, subject string, n int, options ...Option) {
	t.Helper()
	if err := Publish(topics, subject, news, &note{n}, options...); err != nil {
		t.Fatal(err)
	}
}

func TestEachSubscriberGetsOneCopy(t *testing.T) {
	h := newHall(t, Config{})
	topics := NewTopics(h.server, nil)
	anna, ben := h.enter("anna"), h.enter("ben")
	h.enter("carl")
	subscribe(t, topics, anna, "px.eu.*", "px.>", "px.eu.bund", "px.eu.*", ">")
	subscribe(t, topics, ben, "*.us.*", "px.eu.bund", "px.*.bund")
	publish(t, topics, "px.eu.bund", 1)
	publish(t, topics, "px.us.bill", 2)
	publish(t, topics, "px", 3)
	publish(t, topics, "px.eu.bund", 4, Except(anna))
	publish(t, topics, "px.eu.bund", 5, Where(func(m Member) bool { return m == Member(anna) }))
	h.wantGot("anna", 1, 2, 3, 5)
	h.wantGot("ben", 1, 2, 4)
	h.wantGot("carl")
	if s := topics.Stats(); s != (Stats{Sets: 6, Members: 2, Memberships: 7, Sends: 5, Sent: 7}) {
		t.Errorf("the stats are %+v", s)
	}
	n := 0
	for range topics.Subscribers("px.eu.bund") {
		n++
	}
	if n != 2 {
		t.Errorf("%d subscribers are listed", n)
	}
	if got := slices.Sorted(topics.Subscriptions(ben)); !slices.Equal(got, []string{"*.us.*", "px.*.bund", "px.eu.bund"}) {
		t.Errorf("ben's subscriptions are %q", got)
	}
}

func TestSubscriptionsEnd(t *testing.T) {
	h := newHall(t, Config{})
	topics := NewTopics(h.server, &TopicsConfig{Subscriptions: 2})
	anna, ben := h.enter("anna"), h.enter("ben")
	subscribe(t, topics, anna, "a.*", "a.b")
	subscribe(t, topics, ben, "a.b")
	var limit *LimitError
	if err := topics.Subscribe(anna, "c.d.e"); !errors.As(err, &limit) || limit.Max != 2 {
		t.Errorf("a third subscription: %v", err)
	}
	if topics.Unsubscribe(anna, "a.c") || topics.Unsubscribe(anna, "a") || topics.Unsubscribe(ben, "a.*") {
		t.Error("a subscription ended that there was not")
	}
	if !topics.Unsubscribe(anna, "a.*") || topics.Unsubscribe(anna, "a.*") {
		t.Error("a subscription does not end once")
	}
	publish(t, topics, "a.b", 1)
	publish(t, topics, "a.c", 2)
	h.wantGot("anna", 1)
	topics.Unsubscribe(anna, "a.b")
	publish(t, topics, "a.b", 3)
	h.wantGot("anna")
	h.wantGot("ben", 1, 3)
	subscribe(t, topics, anna, "x.y.z")
	h.ends["anna"].Abort(nil)
	h.ends["ben"].Abort(nil)
	h.settle()
	if s := topics.Stats(); s.Sets != 0 || s.Members != 0 || s.Memberships != 0 || !topics.root.isLeaf() {
		t.Errorf("after the end of all there are %+v, %v", s, topics.root)
	}
}

func TestWrongSubjectsAreRefused(t *testing.T) {
	h := newHall(t, Config{})
	topics := NewTopics(h.server, nil)
	anna := h.enter("anna")
	var wrong *SubjectError
	if err := topics.Subscribe(anna, "a..b"); !errors.As(err, &wrong) || wrong.Subject != "a..b" {
		t.Errorf("a wrong pattern: %v", err)
	}
	if err := Publish(topics, "a.*", news, &note{}); !errors.As(err, &wrong) || wrong.Subject != "a.*" {
		t.Errorf("a pattern as a subject: %v", err)
	}
	if err := topics.Subscribe(nil, "a"); !errors.Is(err, ErrNoMember) {
		t.Errorf("nobody subscribes: %v", err)
	}
	var none *Topics
	if err := none.Subscribe(anna, "a"); !errors.Is(err, ErrNoTopics) {
		t.Errorf("nil Topics: %v", err)
	}
	if err := Publish(none, "a", news, &note{}); !errors.Is(err, ErrNoTopics) {
		t.Errorf("nil Topics: %v", err)
	}
	if s := topics.Stats(); s != (Stats{}) {
		t.Errorf("there are %+v", s)
	}
}

func TestTopicsEverywhere(t *testing.T) {
	got := make(chan int, 100)
	everywhere(t, func(w *world) {
		peer.Handle(w.Client, news, func(_ *peer.Conn, n *note) error { got <- n.N; return nil })
	}, func(t *testing.T, w *world) {
		topics := NewTopics(w.Server, nil)
		subscribe(t, topics, w.AtServer, "a.>", "a.*")
		publish(t, topics, "a.b", 1)
		topics.Unsubscribe(w.AtServer, "a.>")
		publish(t, topics, "a.b.c", 2)
		publish(t, topics, "a.b", 3)
		for _, want := range []int{1, 3} {
			if n := await.Value(t, "packet", got); n != want {
				t.Errorf("got %d, want %d", n, want)
			}
		}
		w.AtClient.Close()
		eventually(t, "the end of the subscriptions", func() bool { return topics.Stats() == Stats{Sends: 2, Sent: 2} })
	})
}

// A Publish allocates as much as peer.Encode does, however many subscriptions match.
func TestPublishAllocatesNothingForASubscriber(t *testing.T) {
	if raceEnabled || debugBuild {
		t.Skip("the race detector and the debug build allocate")
	}
	h := newHall(t, Config{})
	topics := NewTopics(h.server, nil)
	for i := range 50 {
		name := fmt.Sprint(i)
		subscribe(t, topics, h.enter(name), "a.b.c", "a.*.c", "a.>")
		h.ends[name].PauseRead() // what clients do is not counted
	}
	n := &note{1}
	for range 1000 {
		Publish(topics, "a.b.c", news, n)
	}
	if got := testing.AllocsPerRun(200, func() { Publish(topics, "a.b.c", news, n) }); got > 4 { // queues grow
		t.Errorf("a Publish allocates %v objects", got)
	}
}

// BenchmarkPublish is what it costs to find and reach one subscriber among many patterns.
func BenchmarkPublish(b *testing.B) {
	h := newHall(b, Config{})
	topics := NewTopics(h.server, &TopicsConfig{Subscriptions: 1 << 20})
	for i := range 100 {
		c := h.enter(fmt.Sprint(i))
		for k := range 1000 {
			subscribe(b, topics, c, fmt.Sprintf("px.%d.%d", i, k))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		to := topics.subscribers("px.50.500")
		if len(to.members) != 1 {
			b.Fatal("not one subscriber")
		}
		to.release()
	}
}
