package trial

import (
	"testing"
	"time"
)

// account is a ledger with two users, and a room with both, whose clock the test moves.
type account struct {
	*Ledger
	clock time.Duration
}

func newAccount() *account {
	a := new(account)
	a.Ledger = NewLedger(func() time.Duration { return a.clock })
	for _, user := range []string{"ann", "bob"} {
		a.Enter(user, "guild")
		a.Began(user)
	}
	a.At("ann", "n1")
	a.At("bob", "n2")
	return a
}

// notes has ann send as many packets to bob.
func (a *account) notes(count int) (list []*Note) {
	for range count {
		n, life := a.Send("ann", "bob", false)
		list = append(list, &Note{"ann", Post{To: "bob", N: n, Life: life}})
	}
	return list
}

func TestLedger(t *testing.T) {
	for what, test := range map[string]struct {
		do   func(a *account)
		want Summary
	}{
		"all arrive": {
			func(a *account) { receive(a, a.notes(3)...) },
			Summary{Sent: 3, Acknowledged: 3, Due: 3, Received: 3},
		},
		"one is missing": {
			func(a *account) { n := a.notes(3); receive(a, n[0], n[2]) },
			Summary{Sent: 3, Acknowledged: 3, Due: 3, Received: 2, Silent: 1},
		},
		"the last one is missing": {
			func(a *account) { receive(a, a.notes(3)[:2]...) },
			Summary{Sent: 3, Acknowledged: 3, Due: 3, Received: 2, Silent: 1},
		},
		"nothing arrives": {
			func(a *account) { a.notes(3) },
			Summary{Sent: 3, Acknowledged: 3, Due: 3, Silent: 3},
		},
		"one comes twice": {
			func(a *account) { n := a.notes(2); receive(a, n[0], n[1], n[1]) },
			Summary{Sent: 2, Acknowledged: 2, Due: 2, Received: 2, Doubled: 1},
		},
		"one comes late": {
			func(a *account) { n := a.notes(4); receive(a, n[0], n[3], n[2], n[2]) },
			Summary{Sent: 4, Acknowledged: 4, Due: 4, Received: 3, Silent: 1, Doubled: 1, Disordered: 1},
		},
		"one is refused, and one not acknowledged": {
			func(a *account) {
				n := a.notes(4)
				a.Refuse("ann", "bob", false, 2, "full")
				a.Unacknowledged("ann", &n[2].Post)
				receive(a, n[0], n[3])
			},
			Summary{Sent: 4, Acknowledged: 3, Due: 4, Received: 2, ToldSingly: 2},
		},
		"one of two is missed": {
			func(a *account) { n := a.notes(4); a.Missed("bob"); receive(a, n[0], n[3]) },
			Summary{Sent: 4, Acknowledged: 4, Due: 4, Received: 2, ToldSingly: 1, Silent: 1},
		},
		"the receiver's session ends": {
			func(a *account) { n := a.notes(4); receive(a, n[0]); a.Began("bob"); receive(a, n[3]) },
			Summary{Sent: 4, Acknowledged: 4, Due: 4, Received: 2, ToldByEnd: 2},
		},
		"and one is missing after that": {
			func(a *account) { n := a.notes(4); receive(a, n[0]); a.Began("bob"); receive(a, n[1], n[3]) },
			Summary{Sent: 4, Acknowledged: 4, Due: 4, Received: 3, Silent: 1},
		},
		"the sender's session ends": {
			func(a *account) { receive(a, a.notes(3)[:1]...); a.Began("ann"); receive(a, a.notes(1)...) },
			Summary{Sent: 4, Acknowledged: 4, Due: 4, Received: 2, ToldByEnd: 2},
		},
		"and one is missing of those after that": {
			func(a *account) { receive(a, a.notes(3)[:1]...); a.Began("ann"); receive(a, a.notes(2)[1]) },
			Summary{Sent: 5, Acknowledged: 5, Due: 5, Received: 2, ToldByEnd: 2, Silent: 1},
		},
		"a conn between nodes ends": {
			func(a *account) {
				n := a.notes(3)
				receive(a, n[0])
				a.clock += time.Minute
				a.Down("n1", "n2")
				receive(a, n[2])
			},
			Summary{Sent: 3, Acknowledged: 3, Due: 3, Received: 2, ToldByConn: 1},
		},
		"a conn between two other nodes ends": {
			func(a *account) {
				n := a.notes(3)
				receive(a, n[0])
				a.clock += time.Minute
				a.Down("n1", "n3")
				a.Down("n3", "n2")
				receive(a, n[2])
			},
			Summary{Sent: 3, Acknowledged: 3, Due: 3, Received: 2, Silent: 1},
		},
		"a conn with the node ends where the receiver was long ago": {
			func(a *account) {
				a.clock += time.Minute
				a.At("bob", "n3")
				a.clock += time.Minute
				n := a.notes(3)
				receive(a, n[0])
				a.Down("n1", "n2")
				receive(a, n[2])
			},
			Summary{Sent: 3, Acknowledged: 3, Due: 3, Received: 2, Silent: 1},
		},
		"the receiver's session goes on from a copy": {
			func(a *account) {
				n := a.notes(3)
				receive(a, n[0])
				a.clock += time.Minute
				a.Copied("bob")
				receive(a, n[2])
			},
			Summary{Sent: 3, Acknowledged: 3, Due: 3, Received: 2, ToldByCopy: 1},
		},
		"the sender's session goes on from a copy": {
			func(a *account) {
				n := a.notes(3)
				receive(a, n[0])
				a.clock += time.Minute
				a.Copied("ann")
				receive(a, n[2])
			},
			Summary{Sent: 3, Acknowledged: 3, Due: 3, Received: 2, Silent: 1},
		},
		"and what was not acknowledged comes again": {
			func(a *account) {
				n := a.notes(4)
				receive(a, n[0], n[1], n[3])
				a.Away("ann", 2)
				a.Copied("ann")
				receive(a, n[2], n[3])
			},
			Summary{Sent: 4, Acknowledged: 4, Due: 4, Received: 4, Repeated: 2},
		},
		"and what was acknowledged comes again": {
			func(a *account) {
				n := a.notes(4)
				receive(a, n[0], n[1], n[3])
				a.Away("ann", 1)
				a.Copied("ann")
				receive(a, n[1], n[2], n[3])
			},
			Summary{Sent: 4, Acknowledged: 4, Due: 4, Received: 4, Repeated: 1, Doubled: 1, Disordered: 1},
		},
		"what was not acknowledged comes again without a copy": {
			func(a *account) { n := a.notes(1); receive(a, n[0]); a.Away("ann", 1); receive(a, n[0]) },
			Summary{Sent: 1, Acknowledged: 1, Due: 1, Received: 1, Doubled: 1},
		},
		"the receiver goes to another node": {
			func(a *account) {
				n := a.notes(3)
				receive(a, n[0])
				a.clock += time.Minute
				a.At("bob", "n3")
				receive(a, n[2])
			},
			Summary{Sent: 3, Acknowledged: 3, Due: 3, Received: 2, Silent: 1},
		},
		"a member of a room does": {
			func(a *account) {
				for n := range uint64(3) {
					a.Send("ann", "guild", true)
					a.Receive("ann", &Note{"ann", Post{To: "guild", IsRoom: true, N: n + 1, Life: 1}})
				}
				a.Receive("bob", &Note{"ann", Post{To: "guild", IsRoom: true, N: 1, Life: 1}})
				a.clock += time.Minute
				a.At("bob", "n3")
				a.Receive("bob", &Note{"ann", Post{To: "guild", IsRoom: true, N: 3, Life: 1}})
			},
			Summary{Sent: 3, Acknowledged: 3, Due: 6, Received: 5, MissedInRoom: 1},
		},
		"one is missing long after a conn has ended": {
			func(a *account) {
				a.Down("n1", "n2")
				a.clock += time.Minute
				n := a.notes(3)
				receive(a, n[0], n[2])
			},
			Summary{Sent: 3, Acknowledged: 3, Due: 3, Received: 2, Silent: 1},
		},
		"a room's packet reaches one of two": {
			func(a *account) {
				n, life := a.Send("ann", "guild", true)
				a.Receive("ann", &Note{"ann", Post{To: "guild", IsRoom: true, N: n, Life: life}})
			},
			Summary{Sent: 1, Acknowledged: 1, Due: 2, Received: 1, Silent: 1},
		},
	} {
		t.Run(what, func(t *testing.T) {
			a := newAccount()
			test.do(a)
			got := a.Summary()
			if got != test.want {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
			if kept := got.Silent+got.Doubled+got.Disordered == 0; got.Kept() != kept {
				t.Errorf("kept: %v", got.Kept())
			}
		})
	}
}

func receive(a *account, notes ...*Note) {
	for _, n := range notes {
		a.Receive("bob", n)
	}
}
