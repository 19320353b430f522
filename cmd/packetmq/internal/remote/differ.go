package remote

// Differences between what a side has told and what a program has.

import (
	"fmt"
	"slices"
	"strings"
)

// Difference is one between the packets of a program and those of another side.
type Difference struct {
	Packet  string `json:"packet"`
	What    string `json:"what"`
	Adapted bool   `json:"adapted,omitempty"` // the handshake does away with it: conns between the two work
}

// Differences are those between the packets that a program has and those that another side has
// told, by name.
func Differences(ours, theirs []Packet) (list []Difference) {
	add := func(p Packet, adapted bool, format string, args ...any) {
		list = append(list, Difference{p.Name, fmt.Sprintf(format, args...), adapted})
	}
	for _, p := range ours {
		q := named(theirs, p.Name)
		switch {
		case q == nil:
			add(p, p.Optional, "only here")
			continue
		case q.ID != p.ID:
			add(p, true, "%d here, %d there", p.ID, q.ID)
		}
		if p.Shape != 0 && q.Shape != 0 && p.Shape != q.Shape {
			add(p, false, "another type: shape %08x here, %08x there", p.Shape, q.Shape)
		}
	}
	for _, q := range theirs {
		if named(ours, q.Name) == nil {
			add(q, q.Optional, "only there")
		}
	}
	slices.SortStableFunc(list, func(a, b Difference) int { return strings.Compare(a.Packet, b.Packet) })
	return list
}

func named(list []Packet, name string) *Packet {
	i := slices.IndexFunc(list, func(p Packet) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return &list[i]
}
