package registry

// Taking over the other side's ids: a table of the same packets under other ids.

import (
	"fmt"
	"slices"
)

// maxListed is how many names a MismatchError lists of each kind.
const maxListed = 8

// Adapt makes a table of the packets of t under the other side's ids, which has told ids
// and optional: the packets that both sides must have, and those that one may lack.
//
// The names in ids must be in t, and those in optional need not. What is in t and in neither
// must be Optional here; it is not in the new table. Any other difference is a
// *MismatchError. Each name and id may occur once, the ids of an
// application's packets lie between MinID and MaxID, the four internal
// packets every registry has keep theirs, and any others stay below MinID;
// all else is an *AdaptError. Neither t nor the registry changes, and nothing
// of ids is kept: its strings may be of a buffer that is used again.
//
// When the ids are those t has already, the result is t itself. So a program
// with many connections to sides that use the same ids need not hold a table
// for each: it keeps the last adapted one and adapts that.
func (t *Table) Adapt(ids []Entry, optional ...Entry) (*Table, error) {
	met, err := t.meet(ids, optional)
	switch {
	case err != nil:
		return nil, err
	case met.same:
		return t, nil
	}
	n := t.blank()
	var used idSet
	for _, told := range [][]Entry{ids, optional} {
		for _, e := range told {
			ty := t.named(e.Name)
			if ty == nil {
				continue
			}
			reason := misplaced(ty, e.ID)
			if reason == "" && !used.add(e.ID) {
				reason = fmt.Sprintf("packet %q has that id too", n.holder(e.ID).name)
			}
			if reason != "" {
				return nil, &AdaptError{Entry: Entry{ty.name, e.ID}, Reason: reason}
			}
			n.put(ty, e.ID)
		}
	}
	n.enter()
	return n, nil
}

// Restrict makes a table of those packets of t that the other side has too, under their ids
// in t: what a side has that keeps its own ids. Arguments and errors are those of Adapt, but
// for ids, which it does not look at. When the other side has all of t, the result is t
// itself.
func (t *Table) Restrict(ids []Entry, optional ...Entry) (*Table, error) {
	met, err := t.meet(ids, optional)
	switch {
	case err != nil:
		return nil, err
	case met.all:
		return t, nil
	}
	n := t.blank()
	for _, ty := range t.list.types {
		if t.has(ty.index) && met.has(ty.index) {
			n.put(ty, t.wire[ty.index])
		}
	}
	n.enter()
	return n, nil
}

// idSet is a set of ids.
type idSet [(MaxID + 1) / 64]uint64

// add adds an id, and reports whether it is new.
func (s *idSet) add(id uint16) bool {
	word, bit := &s[id/64], uint64(1)<<(id%64)
	is := *word&bit == 0
	*word |= bit
	return is
}

// Compare checks that the other side's names, as for Adapt, fit those of t; a difference is
// a *MismatchError. The ids themselves are not looked at.
func (t *Table) Compare(ids []Entry, optional ...Entry) error {
	_, err := t.meet(ids, optional)
	return err
}

// meeting is what two sides have in common.
type meeting struct {
	seen [MaxNames / 8]byte // a bit for the Type.Index of each packet that both have
	n    int                // how many these are
	same bool               // they are all of this side's packets, and their ids are the same
	all  bool               // they are all of this side's packets
}

func (m *meeting) has(index int) bool { return m.seen[index/8]&(1<<(index%8)) != 0 }

// meet compares the other side's names with those of t. It checks that each is there once,
// and those that must be there are.
func (t *Table) meet(ids, optional []Entry) (m meeting, err error) {
	if n := len(ids) + len(optional); n > MaxNames {
		return m, &AdaptError{Reason: fmt.Sprintf("%d names, more than %d", n, MaxNames)}
	}
	var missing, extra []string
	m.same = true
	for i, told := range [][]Entry{ids, optional} {
		for _, e := range told {
			ty := t.named(e.Name)
			switch {
			case ty == nil && i == 0:
				extra = list(extra, clip(e.Name))
			case ty == nil:
			case m.has(ty.index):
				return m, &AdaptError{Entry: Entry{ty.name, e.ID}, Reason: "named twice"}
			default:
				m.seen[ty.index/8] |= 1 << (ty.index % 8)
				m.same = m.same && e.ID == t.wire[ty.index]
				m.n++
			}
		}
	}
	m.all = m.n == t.n
	m.same = m.same && m.all
	if !m.all {
		for _, ty := range t.list.types {
			if t.has(ty.index) && !m.has(ty.index) && !ty.options.Optional {
				missing = list(missing, ty.name)
			}
		}
	}
	if len(missing)+len(extra) > 0 {
		return m, &MismatchError{Missing: missing, Extra: extra}
	}
	return m, nil
}

// list appends a name to those of a MismatchError.
func list(names []string, name string) []string {
	if len(names) == maxListed || slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}

// Rebase makes a table for a connection that has adapted to ids, from the
// table of its registry after that has changed.
//
// The packets of t that ids names get the ids given there. The others have no
// id on the wire, since the other side does not know them: they are not in
// the new table. Names that t does not have are dropped, and their ids are
// unknown from then on. The four internal packets keep their ids in any case.
// An entry that Adapt would refuse, for its id or as a repetition, is dropped
// too; a list that Adapt accepted has none.
//
// Give it the IDs of the table that Adapt made rather than those of an
// earlier Rebase, which no longer name what was removed in between and may
// have been added again. When ids are those t has already, the result is t
// itself. Neither t nor the registry changes, and nothing of ids is kept.
func (t *Table) Rebase(ids []Entry) *Table {
	n := t.blank()
	var used idSet
	for id := range uint16(IDFinish + 1) {
		n.put(t.Type(id), id)
		used.add(id)
	}
	for _, e := range ids {
		ty := t.named(e.Name)
		if ty == nil || n.has(ty.index) || misplaced(ty, e.ID) != "" || !used.add(e.ID) {
			continue
		}
		n.put(ty, e.ID)
	}
	if slices.Equal(n.wire, t.wire) {
		return t
	}
	n.enter()
	return n
}

// misplaced says why a packet may not have an id on the wire, if so.
func misplaced(ty *Type, id uint16) string {
	switch {
	case ty.id <= IDFinish:
		if id != ty.id {
			return fmt.Sprintf("its id is %d", ty.id)
		}
	case ty.Internal():
		if id < minExtra || id > maxExtra {
			return fmt.Sprintf("not within %d and %d", minExtra, maxExtra)
		}
	case id < MinID:
		return fmt.Sprintf("below %d", MinID)
	}
	return ""
}
