package registry

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
	for _, e := range ids {
		ty := t.named(e.Name)
		reason := misplaced(ty, e.ID)
		if other := n.Type(e.ID); reason == "" && other != nil {
			reason = fmt.Sprintf("packet %q has that id too", other.name)
		}
		if reason != "" {
			return nil, &AdaptError{Entry: Entry{ty.name, e.ID}, Reason: reason}
		}
		n.put(ty, e.ID)
	}
	n.enter(t.roster)
	return n, nil
}

// compare checks that ids names every packet of t once and no other, and
// tells whether all have the ids of t.
func (t *Table) compare(ids []Entry) (same bool, err error) {
	var (
		names = t.roster.index().names
		seen  [MaxNames / 8]byte // a bit per position, on the stack
		extra []string
	)
	same = true
	for _, e := range ids {
		i, ok := names[e.Name]
		if !ok {
			extra = list(extra, clip(e.Name))
			continue
		}
		if seen[i/8]&(1<<(i%8)) != 0 {
			return false, &AdaptError{Entry: Entry{t.ids[i].Name, e.ID}, Reason: "named twice"}
		}
		seen[i/8] |= 1 << (i % 8)
		same = same && e.ID == t.ids[i].ID
	}
	if len(extra) == 0 && len(ids) == len(t.ids) {
		return same, nil
	}
	var missing []string
	for i, e := range t.ids {
		if seen[i/8]&(1<<(i%8)) == 0 {
			missing = list(missing, e.Name)
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
	for _, ty := range t.roster.types {
		if ty.id <= IDFinish {
			n.put(ty, ty.id)
		}
	}
	for _, e := range ids {
		ty := t.named(e.Name)
		if ty == nil || misplaced(ty, e.ID) != "" || n.Type(e.ID) != nil {
			continue
		}
		if _, named := n.WireID(ty); !named {
			n.put(ty, e.ID)
		}
	}
	n.enter(t.roster)
	if slices.Equal(n.ids, t.ids) {
		return t
	}
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

// blank is a table for the same indices as t without any types.
func (t *Table) blank() *Table {
	return &Table{wire: make([]uint16, len(t.wire))}
}

// enter completes a table under construction: those types of r that have an
// id are its roster.
func (t *Table) enter(r *roster) {
	t.ids = make([]Entry, 0, len(r.types))
	for _, ty := range r.types {
		if id, ok := t.WireID(ty); ok {
			t.ids = append(t.ids, Entry{ty.name, id})
		}
	}
	t.roster = r
	if len(t.ids) < len(r.types) {
		t.roster = &roster{types: slices.DeleteFunc(slices.Clone(r.types), func(ty *Type) bool {
			_, ok := t.WireID(ty)
			return !ok
		})}
	}
}
