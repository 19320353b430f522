package room

// Topics: members subscribe to patterns of subjects, and packets are published to subjects.

import (
	"iter"
	"slices"
	"strings"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// DefaultSubscriptions is how many subscriptions a member may have if
// TopicsConfig.Subscriptions is 0.
const DefaultSubscriptions = 256

// TopicsConfig has the settings of Topics. The zero TopicsConfig is fine.
type TopicsConfig struct {
	// Subscriptions is how many a member may have. 0: DefaultSubscriptions.
	Subscriptions int
}

// Topics are the subscriptions of one peer's conns. Any goroutine may use them.
//
// A subject is a list of tokens with dots between them, such as "px.eu.bund". A pattern may
// have "*" in place of a token, which matches any one, and ">" in place of the last, which
// matches one or more: "px.*.bund", "px.>". Case matters. Both have at most MaxSubject bytes and
// MaxTokens tokens, none of them empty, with no space or control character.
type Topics struct {
	roster

	// Guarded by roster.mu.
	root     node
	patterns int // that have subscribers
}

// NewTopics returns topics without subscriptions for conns of h, one of package peer's peers.
// cfg may be nil. It panics if h is not such a peer.
func NewTopics(h peer.Host, cfg *TopicsConfig) *Topics {
	if cfg == nil {
		cfg = new(TopicsConfig)
	}
	p, err := peer.Of(h)
	if err != nil {
		panic(err)
	}
	t := new(Topics)
	t.roster = roster{
		peer: p, max: limitOr(cfg.Subscriptions, DefaultSubscriptions),
		dropSet: t.dropPattern, records: make(map[Member]*record),
	}
	return t
}

// Subscribe has m get what is published to subjects that match the pattern. It does nothing if
// m has subscribed to the same pattern already. However many of its patterns match, a member
// gets one copy.
//
// The errors are a *LimitError if m has too many subscriptions; a *SubjectError; ErrNoMember;
// peer.ErrClosed for a conn whose conversation has ended; peer.ErrNoConn for a conn of another
// peer.
func (t *Topics) Subscribe(m Member, pattern string) error {
	if t == nil {
		return ErrNoTopics
	}
	if err := checkSubject(pattern, true); err != nil {
		return err
	}
	return t.join(m, func(make bool) *set { return t.set(pattern, make) })
}

// Unsubscribe ends a subscription. It returns false if there was none to exactly this pattern.
// A Publish that begins after Unsubscribe has returned does not reach m by it.
func (t *Topics) Unsubscribe(m Member, pattern string) bool {
	return t != nil && t.leave(m, func() *set { return t.set(pattern, false) })
}

// Subscriptions returns the patterns to which m has subscribed at this moment, in no order.
func (t *Topics) Subscriptions(m Member) iter.Seq[string] {
	if t == nil {
		return func(func(string) bool) {}
	}
	return slices.Values(t.setsOf(m))
}

// Subscribers returns who would get what is published to the subject at this moment, in no
// order. It is nobody if the subject is none.
func (t *Topics) Subscribers(subject string) iter.Seq[Member] {
	if t == nil || checkSubject(subject, false) != nil {
		return func(func(Member) bool) {}
	}
	to := t.subscribers(subject)
	defer to.release()
	return slices.Values(slices.Clone(to.members))
}

// Stats returns counts of the patterns and of what was published.
func (t *Topics) Stats() Stats {
	if t == nil {
		return Stats{}
	}
	t.mu.RLock()
	s := Stats{Sets: t.patterns, Members: len(t.records), Memberships: t.places}
	t.mu.RUnlock()
	t.counters.addTo(&s)
	return s
}

// Publish sends v as a packet of type pkt to everybody who has subscribed to a pattern that
// matches the subject. The rest is as for Send. The packet does not say what its subject was:
// where subscribers need to know, v has to.
func Publish[T any](t *Topics, subject string, pkt registry.Packet[T], v *T, options ...Option) error {
	if t == nil {
		return ErrNoTopics
	}
	if err := checkSubject(subject, false); err != nil {
		return err
	}
	return sendAll(&t.roster, t.subscribers(subject), pkt, v, options)
}

// subscribers returns who has subscribed to a pattern that matches the subject.
func (t *Topics) subscribers(subject string) *audience {
	a := audiences.Get().(*audience)
	t.mu.RLock()
	defer t.mu.RUnlock()
	t.root.match(subject, a.add)
	return a
}

// set returns the set of a pattern. If there is none, it makes one or returns nil. The lock is
// held.
func (t *Topics) set(pattern string, make bool) *set {
	if n := t.root.find(pattern); n != nil && n.set != nil {
		return n.set
	}
	if !make {
		return nil
	}
	pattern = strings.Clone(pattern) // the program's may lie in memory that is used again
	n := t.root.make(pattern)
	n.set = &set{name: pattern, node: n}
	t.patterns++
	return n.set
}

// dropPattern forgets a pattern without subscribers. The lock is held.
func (t *Topics) dropPattern(s *set) {
	s.node.set = nil
	s.node.prune()
	t.patterns--
}
