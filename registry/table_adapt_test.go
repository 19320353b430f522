package registry

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// pair is a table of two packets of an application, ping 17 and pong 18, and
// an internal one, extra 4.
func pair(t testing.TB) (*Registry, *Table) {
	r := NewAdapting()
	mustAdd(t, r, "app:ping", 17, nil)
	mustAdd(t, r, "app:pong", 18, nil)
	if _, err := r.AddInternal("packetmq:extra", 4, nil); err != nil {
		t.Fatal(err)
	}
	return r, r.Table()
}

// pairIDs are a pair's ids from the other side, the internal ones first.
func pairIDs(ping, pong, extra uint16) []Entry {
	return []Entry{
		{NameInit, 0}, {NameSoftquit, 1}, {NamePubIDs, 2}, {NameFinish, 3},
		{"app:ping", ping}, {"app:pong", pong}, {"packetmq:extra", extra},
	}
}

func reversed(ids []Entry) []Entry {
	slices.Reverse(ids)
	return ids
}

func TestAdapt(t *testing.T) {
	tests := []struct {
		name             string
		ids              []Entry
		ping, pong, more uint16
		same             bool
	}{
		{"equal", pairIDs(17, 18, 4), 17, 18, 4, true},
		{"equal, another order", reversed(pairIDs(17, 18, 4)), 17, 18, 4, true},
		{"swapped", pairIDs(18, 17, 4), 18, 17, 4, false},
		{"shifted", pairIDs(18, 19, 4), 18, 19, 4, false},
		{"disjoint", pairIDs(40, 41, 13), 40, 41, 13, false},
		{"disjoint, another order", reversed(pairIDs(40, 41, 13)), 40, 41, 13, false},
		{"bounds", pairIDs(MinID, MaxID, 4), MinID, MaxID, 4, false},
		{"internal alone", pairIDs(17, 18, 5), 17, 18, 5, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, table := pair(t)
			before := snapshot(table)
			got, err := table.Adapt(tt.ids)
			if err != nil {
				t.Fatal(err)
			}
			verify(t, got)
			if (got == table) != tt.same {
				t.Errorf("the receiver itself: %v, want %v", got == table, tt.same)
			}
			if !snapshot(table).equal(before) {
				t.Error("the receiver changed")
			}
			for id, own := range map[uint16]uint16{tt.ping: 17, tt.pong: 18, tt.more: 4} {
				ty := table.Type(own)
				if got.Type(id) != ty {
					t.Errorf("Type(%d) = %v, want %s", id, got.Type(id), ty.Name())
				}
				if wire, ok := got.WireID(ty); wire != id || !ok {
					t.Errorf("WireID(%s) = %d, %v, want %d", ty.Name(), wire, ok, id)
				}
				if ty.ID() != own {
					t.Errorf("ID() of %s became %d", ty.Name(), ty.ID())
				}
			}
			// An adapted table is a table: the same again, and back.
			again, err := got.Adapt(tt.ids)
			if again != got || err != nil {
				t.Errorf("adapting again made another table, %v", err)
			}
			back, err := got.Adapt(table.IDs())
			if err != nil || !snapshot(back).equal(before) {
				t.Errorf("adapting back made another table, %v", err)
			}
		})
	}
}

// An id that means one packet here and another one there means the other
// side's; one that has a meaning only here has none.
func TestAdaptForgetsOwnIDs(t *testing.T) {
	_, table := pair(t)
	got, err := table.Adapt(pairIDs(40, 17, 4))
	if err != nil {
		t.Fatal(err)
	}
	if ty := got.Type(17); ty == nil || ty.Name() != "app:pong" {
		t.Errorf("Type(17) = %v", ty)
	}
	if ty := got.Type(18); ty != nil {
		t.Errorf("Type(18) = %s", ty.Name())
	}
}

func TestAdaptMismatch(t *testing.T) {
	tests := []struct {
		name           string
		ids            []Entry
		missing, extra []string
	}{
		{"nothing", nil, []string{NameInit, NameSoftquit, NamePubIDs, NameFinish, "app:ping", "app:pong", "packetmq:extra"}, nil},
		{"one lacks", pairIDs(17, 18, 4)[:6], []string{"packetmq:extra"}, nil},
		{"internal one lacks", pairIDs(17, 18, 4)[1:], []string{NameInit}, nil},
		{"one more", append(pairIDs(17, 18, 4), Entry{"app:x", 42}), nil, []string{"app:x"}},
		{"the same one more, twice", append(pairIDs(17, 18, 4), Entry{"app:x", 42}, Entry{"app:x", 43}), nil, []string{"app:x"}},
		{"one for another", append(pairIDs(17, 18, 4)[:6], Entry{"app:x", 42}), []string{"packetmq:extra"}, []string{"app:x"}},
		{"empty name", append(pairIDs(17, 18, 4), Entry{"", 42}), nil, []string{""}},
		{"long name", append(pairIDs(17, 18, 4), Entry{strings.Repeat("x", 1<<20), 42}), nil, []string{strings.Repeat("x", 128)}},
		{"other case", append(pairIDs(17, 18, 4)[:6], Entry{"packetmq:Extra", 4}), []string{"packetmq:extra"}, []string{"packetmq:Extra"}},
		{"wrong ids too", append(pairIDs(1, 1, 4), Entry{"app:x", 1}), nil, []string{"app:x"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, table := pair(t)
			before := snapshot(table)
			got, err := table.Adapt(tt.ids)
			e, ok := errors.AsType[*MismatchError](err)
			if !ok || got != nil {
				t.Fatalf("Adapt = %v, %v", got, err)
			}
			if !slices.Equal(e.Missing, tt.missing) || !slices.Equal(e.Extra, tt.extra) {
				t.Errorf("missing %q, extra %q, want %q and %q", e.Missing, e.Extra, tt.missing, tt.extra)
			}
			for _, name := range append(tt.missing, tt.extra...) {
				if !strings.Contains(err.Error(), fmt.Sprintf("%q", name)) {
					t.Errorf("%q is not in %q", name, err)
				}
			}
			if !snapshot(table).equal(before) {
				t.Error("the receiver changed")
			}
		})
	}
}

func TestMismatchIsShort(t *testing.T) {
	table := filled(t, 100, 20).Table()
	var ids []Entry
	for i := range MaxNames {
		ids = append(ids, Entry{fmt.Sprintf("%d:%s", i, strings.Repeat("\x00", 1000)), uint16(i)})
	}
	_, err := table.Adapt(ids)
	e, ok := errors.AsType[*MismatchError](err)
	if !ok || len(e.Missing) != 8 || len(e.Extra) != 8 {
		t.Fatalf("Adapt = %v", err)
	}
	if n := len(err.Error()); n > 6<<10 {
		t.Errorf("the error has %d bytes", n)
	}
}

func TestAdaptRefuses(t *testing.T) {
	change := func(i int, e Entry) []Entry {
		ids := pairIDs(40, 41, 4)
		ids[i] = e
		return ids
	}
	tests := []struct {
		name string
		ids  []Entry
		at   Entry
	}{
		{"one id for two", pairIDs(40, 40, 4), Entry{"app:pong", 40}},
		{"one id for two, own id", pairIDs(17, 17, 4), Entry{"app:pong", 17}},
		{"id of an internal packet", pairIDs(0, 41, 4), Entry{"app:ping", 0}},
		{"id for internal packets", pairIDs(40, 15, 4), Entry{"app:pong", 15}},
		{"the very id of an internal packet", pairIDs(4, 41, 5), Entry{"app:ping", 4}},
		{"init moved", change(0, Entry{NameInit, 40}), Entry{NameInit, 40}},
		{"init moved a little", change(0, Entry{NameInit, 5}), Entry{NameInit, 5}},
		{"softquit moved to init", change(1, Entry{NameSoftquit, 0}), Entry{NameSoftquit, 0}},
		{"finish moved to an application's", change(3, Entry{NameFinish, 17}), Entry{NameFinish, 17}},
		{"internal packet moved out", pairIDs(40, 41, 16), Entry{"packetmq:extra", 16}},
		{"internal packet on the first four", pairIDs(40, 41, 3), Entry{"packetmq:extra", 3}},
		{"name twice", append(pairIDs(40, 41, 4), Entry{"app:ping", 42}), Entry{"app:ping", 42}},
		{"name twice with one id", append(pairIDs(40, 41, 4), Entry{"app:ping", 40}), Entry{"app:ping", 40}},
		{"name in place of another", change(5, Entry{"app:ping", 41}), Entry{"app:ping", 41}},
		{"too many", slices.Repeat([]Entry{{"app:x", 20}}, MaxNames+1), Entry{}},
	}
	for _, tt := range tests {
		for _, order := range []string{"", ", another order"} {
			t.Run(tt.name+order, func(t *testing.T) {
				_, table := pair(t)
				before := snapshot(table)
				ids := slices.Clone(tt.ids)
				if order != "" {
					slices.Reverse(ids)
				}
				got, err := table.Adapt(ids)
				e, ok := errors.AsType[*AdaptError](err)
				if !ok || got != nil {
					t.Fatalf("Adapt = %v, %v", got, err)
				}
				if order == "" && e.Entry != tt.at {
					t.Errorf("the error is about %v, want %v: %v", e.Entry, tt.at, err)
				}
				if e.Reason == "" || !strings.Contains(err.Error(), e.Reason) {
					t.Errorf("the error says %q", err)
				}
				if !snapshot(table).equal(before) {
					t.Error("the receiver changed")
				}
			})
		}
	}
}

// An internal packet on an id of the first four is at fault itself, even when
// it is named before the one whose id that is.
func TestAdaptBlamesIntruder(t *testing.T) {
	_, table := pair(t)
	_, err := table.Adapt(reversed(pairIDs(40, 41, 3)))
	if e, ok := errors.AsType[*AdaptError](err); !ok || e.Entry != (Entry{"packetmq:extra", 3}) {
		t.Errorf("Adapt = %v", err)
	}
}

// The strings of the ids may lie in a buffer that is read into again.
func TestAdaptKeepsNothing(t *testing.T) {
	_, table := pair(t)
	ids := pairIDs(40, 41, 5)
	adapted, err := table.Adapt(ids)
	if err != nil {
		t.Fatal(err)
	}
	rebased := table.Rebase(ids)
	clear(ids)
	verify(t, adapted)
	verify(t, rebased)
}

func TestRebase(t *testing.T) {
	add := func(t *testing.T, r *Registry) { mustAdd(t, r, "app:new", 19, nil) }
	remove := func(t *testing.T, r *Registry) {
		if err := r.Remove("app:ping"); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name    string
		changes []func(*testing.T, *Registry)
		ids     []Entry
		want    map[string]uint16 // of packets that are not the internal four
		same    bool
	}{
		{"no change, own ids", nil, pairIDs(17, 18, 4), map[string]uint16{"app:ping": 17, "app:pong": 18, "packetmq:extra": 4}, true},
		{"no change", nil, pairIDs(40, 41, 5), map[string]uint16{"app:ping": 40, "app:pong": 41, "packetmq:extra": 5}, false},
		{"swapped", nil, pairIDs(18, 17, 4), map[string]uint16{"app:ping": 18, "app:pong": 17, "packetmq:extra": 4}, false},
		{"added", []func(*testing.T, *Registry){add}, pairIDs(40, 41, 5), map[string]uint16{"app:ping": 40, "app:pong": 41, "packetmq:extra": 5}, false},
		{"added under an id the other side uses", []func(*testing.T, *Registry){add}, pairIDs(19, 18, 5), map[string]uint16{"app:ping": 19, "app:pong": 18, "packetmq:extra": 5}, false},
		{"added, own ids", []func(*testing.T, *Registry){add}, pairIDs(17, 18, 4), map[string]uint16{"app:ping": 17, "app:pong": 18, "packetmq:extra": 4}, false},
		{"removed", []func(*testing.T, *Registry){remove}, pairIDs(40, 41, 5), map[string]uint16{"app:pong": 41, "packetmq:extra": 5}, false},
		{"removed, own ids", []func(*testing.T, *Registry){remove}, pairIDs(17, 18, 4), map[string]uint16{"app:pong": 18, "packetmq:extra": 4}, true},
		{"added and removed", []func(*testing.T, *Registry){add, remove}, pairIDs(40, 41, 5), map[string]uint16{"app:pong": 41, "packetmq:extra": 5}, false},
		{"no ids", nil, nil, map[string]uint16{}, false},
		{"dropped: forbidden id", nil, pairIDs(15, 41, 5), map[string]uint16{"app:pong": 41, "packetmq:extra": 5}, false},
		{"dropped: internal packet outside", nil, pairIDs(40, 41, 16), map[string]uint16{"app:ping": 40, "app:pong": 41}, false},
		{"dropped: second use of an id", nil, pairIDs(40, 40, 5), map[string]uint16{"app:ping": 40, "packetmq:extra": 5}, false},
		{"dropped: second use of a name", nil, []Entry{{"app:ping", 40}, {"app:ping", 41}}, map[string]uint16{"app:ping": 40}, false},
		{"dropped: internal four moved", nil, []Entry{{NameInit, 3}, {NameFinish, 99}, {"app:ping", 40}}, map[string]uint16{"app:ping": 40}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, _ := pair(t)
			for _, change := range tt.changes {
				change(t, r)
			}
			table := r.Table()
			before := snapshot(table)
			got := table.Rebase(tt.ids)
			verify(t, got)
			if !snapshot(table).equal(before) || r.Table() != table {
				t.Error("the receiver or the registry changed")
			}
			if (got == table) != tt.same {
				t.Errorf("the receiver itself: %v, want %v", got == table, tt.same)
			}
			ids := map[string]uint16{}
			for _, e := range got.IDs()[4:] {
				ids[e.Name] = e.ID
			}
			if !maps.Equal(ids, tt.want) {
				t.Errorf("ids %v, want %v", ids, tt.want)
			}
			for _, e := range table.IDs()[4:] {
				ty := table.Type(e.ID)
				id, ok := got.WireID(ty)
				if want, known := tt.want[e.Name]; ok != known || id != want {
					t.Errorf("WireID(%s) = %d, %v, want %d, %v", e.Name, id, ok, want, known)
				}
			}
			if back, err := got.Adapt(got.IDs()); back != got || err != nil {
				t.Errorf("the result cannot be adapted: %v", err)
			}
		})
	}
}

// The life of an adapted conn whose registry changes: what comes back under
// its name has its id back, as long as the first ids are kept.
func TestRebaseAfterReturn(t *testing.T) {
	r, table := pair(t)
	adapted, err := table.Adapt(pairIDs(40, 41, 5))
	if err != nil {
		t.Fatal(err)
	}
	ids := adapted.IDs()
	if err := r.Remove("app:ping"); err != nil {
		t.Fatal(err)
	}
	if ty := r.Table().Rebase(ids).Type(40); ty != nil {
		t.Errorf("removed, still at 40: %s", ty.Name())
	}
	again := mustAdd(t, r, "app:ping", 50, nil)
	if ty := r.Table().Rebase(ids).Type(40); ty != again {
		t.Errorf("added again, at 40 is %v", ty)
	}
}

// fuzzIDs makes ids from a fuzzer's bytes: three bytes an entry, the first of
// which picks a name of the table, or one that the table may not have.
func fuzzIDs(table *Table, data []byte) []Entry {
	own := table.IDs()
	var ids []Entry
	for ; len(data) >= 3; data = data[3:] {
		name := string(data[:1])
		if n := int(data[0]); n < len(own) {
			name = own[n].Name
		}
		ids = append(ids, Entry{name, uint16(data[1])<<8 | uint16(data[2])})
	}
	return ids
}

// adaptable is what Adapt promises to accept, said in another way.
func adaptable(table *Table, ids []Entry) bool {
	byName, byID := map[string]uint16{}, map[uint16]string{}
	for _, e := range ids {
		byName[e.Name], byID[e.ID] = e.ID, e.Name
	}
	if len(byName) != len(ids) || len(byID) != len(ids) || len(ids) != table.Len() {
		return false
	}
	for _, e := range table.IDs() {
		id, ok := byName[e.Name]
		switch {
		case !ok, e.ID < 4 && id != e.ID, e.ID >= 4 && id < 4, (e.ID < 16) != (id < 16),
			id == IDPing, id == IDPong:
			return false
		}
	}
	return true
}

func FuzzAdapt(f *testing.F) {
	seed := func(ids ...uint16) []byte {
		var data []byte
		for i, id := range ids {
			data = append(data, byte(i), byte(id>>8), byte(id))
		}
		return data
	}
	f.Add(seed(0, 1, 2, 3, 17, 18, 4))
	f.Add(seed(0, 1, 2, 3, 18, 17, 4))
	f.Add(seed(0, 1, 2, 3, 40, 65535, 13))
	f.Add(seed(0, 1, 2, 3, 40, 40, 4))
	f.Add(seed(0, 1, 2, 3, 17, 18, 14))
	f.Add(seed(3, 2, 1, 0, 17, 18, 4))
	f.Add(seed(0, 1, 2, 3, 4, 5, 16))
	f.Add(seed(0, 1, 2, 3, 17, 18, 4, 42))
	f.Add([]byte{})
	r, table := pair(f)
	before := snapshot(table)
	f.Fuzz(func(t *testing.T, data []byte) {
		ids := fuzzIDs(table, data)
		got, err := table.Adapt(ids)
		if want := adaptable(table, ids); (err == nil) != want {
			t.Fatalf("Adapt(%v) = %v, want ok %v", ids, err, want)
		}
		switch {
		case err == nil:
			verify(t, got)
			for _, e := range ids {
				if ty := got.Type(e.ID); ty == nil || ty.Name() != e.Name {
					t.Fatalf("Adapt(%v): %d is %v", ids, e.ID, ty)
				}
			}
			if !snapshot(got).equal(snapshot(table.Rebase(ids))) {
				t.Fatalf("Rebase(%v) is not Adapt's table", ids)
			}
		case !as[*MismatchError](err) && !as[*AdaptError](err) || got != nil:
			t.Fatalf("Adapt(%v) = %v, %T", ids, got, err)
		}
		verify(t, table.Rebase(ids))
		if !snapshot(table).equal(before) || r.Table() != table {
			t.Fatalf("Adapt(%v) changed the receiver or the registry", ids)
		}
	})
}

func BenchmarkAdapt(b *testing.B) {
	for _, n := range []int{20, 500, MaxNames - 4} {
		table := filled(b, n, MinID).Table()
		for name, ids := range map[string][]Entry{
			"same":  shifted(table, func(id uint16) uint16 { return id }),
			"other": shifted(table, func(id uint16) uint16 { return id + 1 }),
		} {
			b.Run(fmt.Sprintf("%d/%s", n, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := table.Adapt(ids); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
