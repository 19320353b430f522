package registry

// Taking over the other side's ids: a table of the same packets under other ids.

import (
	"fmt"
	"slices"
)

// maxListed is how many names a MismatchError lists of each kind.
const maxListed = 8

// Adapt makes a table of the same packets under the other side's ids.
//
// Both sides must have the same names, in whatever order; any difference is a
// *MismatchError. Each name and id may occur once, the ids of an
// application's packets lie between MinID and MaxID, the four internal
// packets every registry has keep theirs, and any others stay below MinID;
// all else is an *AdaptError. Neither t nor the registry changes, and nothing
// of ids is kept: its strings may be of a buffer that is used again.
//
// When the ids are those t has already, the result is t itself. So a program
// with many connections to sides that use the same ids need not hold a table
// for each: it keeps the last adapted one and adapts that.
func (t *Table) Adapt(ids []Entry) (*Table, error) {
	if len(ids) > MaxNames {
		return nil, &AdaptError{Reason: fmt.Sprintf("%d names, more than %d", len(ids), MaxNames)}
	}
	same, err := t.compare(ids)
	switch {
	case err != nil:
		return nil, err
	case same:
		return t, nil
	}
	n := t.blank()
	var used idSet
	for _, e := range ids {
		ty := t.named(e.Name)
		reason := misplaced(ty, e.ID)
		if reason == "" && !used.add(e.ID) {
			reason = fmt.Sprintf("packet %q has that id too", n.holder(e.ID).name)
		}
		if reason != "" {
			return nil, &AdaptError{Entry: Entry{ty.name, e.ID}, Reason: reason}
		}
		n.put(ty, e.ID)
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

// Compare checks that ids names every packet of t and no other; a difference is
// a *MismatchError. The ids themselves are not looked at.
func (t *Table) Compare(ids []Entry) error {
	_, err := t.compare(ids)
	return err
}

// compare checks that ids names every packet of t once and no other, and
// tells whether all have the ids of t.
func (t *Table) compare(ids []Entry) (same bool, err error) {
	var (
		seen  [MaxNames / 8]byte // a bit for each Type.Index, on the stack
		extra []string
	)
	same = true
	for _, e := range ids {
		ty := t.named(e.Name)
		if ty == nil {
			extra = list(extra, clip(e.Name))
			continue
		}
		i := ty.index
		if seen[i/8]&(1<<(i%8)) != 0 {
			return false, &AdaptError{Entry: Entry{ty.name, e.ID}, Reason: "named twice"}
		}
		seen[i/8] |= 1 << (i % 8)
		same = same && e.ID == t.wire[i]
	}
	if len(extra) == 0 && len(ids) == t.n {
		return same, nil
	}
	var missing []string
	for _, ty := range t.list.types {
		if i := ty.index; t.has(i) && seen[i/8]&(1<<(i%8)) == 0 {
			missing = list(missing, ty.name)
		}
	}
	return false, &MismatchError{Missing: missing, Extra: extra}
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
