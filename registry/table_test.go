package registry

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
)

func TestTypeOfEveryID(t *testing.T) {
	r := New()
	want := map[int]*Type{}
	for _, id := range []int{16, 255, 256, 257, 511, 512, 32767, 32768, 65279, 65280, 65535} {
		want[id] = mustAdd(t, r, fmt.Sprintf("app:%d", id), id, nil)
	}
	for id := range 65536 {
		got := r.Table().Type(uint16(id))
		if id <= IDFinish {
			if got == nil || int(got.ID()) != id {
				t.Errorf("Type(%d) = %v", id, got)
			}
			continue
		}
		if got != want[id] {
			t.Errorf("Type(%d) = %v, want %v", id, got, want[id])
		}
	}
}

func TestWireIDOfStrangers(t *testing.T) {
	r, other := filled(t, 3, 20), filled(t, 5, 20)
	removed := r.Table().Type(21)
	if err := r.Remove(removed); err != nil {
		t.Fatal(err)
	}
	for name, ty := range map[string]*Type{
		"nil":                                    nil,
		"zero":                                   new(Type),
		"removed":                                removed,
		"another registry's init":                other.Table().Type(IDInit),
		"another registry's, same id":            other.Table().Type(20),
		"another registry's, index beyond ours":  other.Table().Type(24),
		"another registry's, index next to ours": other.Table().Type(23),
	} {
		if id, ok := r.Table().WireID(ty); id != 0 || ok {
			t.Errorf("%s: WireID = %d, %v", name, id, ok)
		}
	}
}

// What IDs returned is the caller's.
func TestIDsAreTheCallers(t *testing.T) {
	table := filled(t, 9, 20).Table()
	clear(table.IDs())
	verify(t, table)
}

func TestNoAllocation(t *testing.T) {
	r := filled(t, 60, MinID)
	p := MustAdd[object](r, "app:typed", 1000, WithObject(&object{}))
	table, ty := r.Table(), p.In(r)
	ids := shifted(table, func(id uint16) uint16 { return id })
	obj := ty.Object()
	var (
		gotType *Type
		gotID   uint16
		ok      bool
		err     error
	)
	for name, f := range map[string]func(){
		"Type":           func() { gotType = r.Table().Type(1000) },
		"Type, unknown":  func() { gotType = table.Type(1001) },
		"Type, no page":  func() { gotType = table.Type(60000) },
		"WireID":         func() { gotID, ok = table.WireID(ty) },
		"Hooks":          func() { _ = ty.Hooks() },
		"Options":        func() { _ = ty.Options() },
		"Lookup type":    func() { gotType, err = r.Lookup(ty) },
		"Lookup packet":  func() { gotType, err = r.Lookup(p) },
		"Lookup name":    func() { gotType, err = r.Lookup("app:typed") },
		"Lookup object":  func() { gotType, err = r.Lookup(obj) },
		"Adapt, to same": func() { _, err = table.Adapt(ids) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	_, _, _, _ = gotType, gotID, ok, err
}

// allocated is how many bytes a call of f allocates.
func allocated(f func()) uint64 {
	const calls = 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range calls {
		f()
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / calls
}

// The documentation of Table states the bounds. Every 16 ids is the worst case
// for a range, and every block of 256 was one for tables of blocks.
func TestMemory(t *testing.T) {
	for _, packets := range []int{1, 20, 47, 48, 171, 300, 768, 769, 1536, MaxNames - 4} {
		for _, step := range []int{1, 2, 3, 16, 257} {
			t.Run(fmt.Sprintf("%d packets, every %d", packets, step), func(t *testing.T) {
				table := filled(t, packets, MinID).Table()
				n := 0
				ids := shifted(table, func(uint16) uint16 {
					n++
					return uint16(MinID + 1 + n*step%(MaxID-MinID))
				})
				if _, err := table.Adapt(ids); err != nil {
					t.Fatal(err)
				}
				got := allocated(func() { _, _ = table.Adapt(ids) })
				t.Logf("%d bytes", got)
				if bound := uint64(max(2560, 512+16*packets)); got > bound {
					t.Errorf("Adapt allocates %d bytes, more than %d", got, bound)
				}
			})
		}
	}
}

// The alternatives to idTable that its documentation mentions, with the
// same ids in the same order.
func BenchmarkType(b *testing.B) {
	for _, ids := range []struct {
		name  string
		count int
		step  int
	}{{"dense", 60, 1}, {"scattered", 60, 1000}, {"many", 4000, 16}} {
		r := New()
		for i := range ids.count {
			mustAdd(b, r, fmt.Sprintf("app:%d", i), MinID+i*ids.step, nil)
		}
		var (
			table  = r.Table()
			flat   = make([]*Type, 1<<16)
			hashed = make(map[uint16]*Type)
			order  [1024]uint16
			sink   *Type
		)
		for _, e := range table.IDs() {
			flat[e.ID], hashed[e.ID] = table.Type(e.ID), table.Type(e.ID)
		}
		rnd := rand.New(rand.NewPCG(1, 2))
		for i := range order {
			order[i] = uint16(MinID + rnd.IntN(ids.count)*ids.step)
		}
		b.Run(ids.name+"/table", func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				sink = table.Type(order[i%len(order)])
			}
		})
		b.Run(ids.name+"/flat", func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				sink = flat[order[i%len(order)]]
			}
		})
		b.Run(ids.name+"/map", func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				sink = hashed[order[i%len(order)]]
			}
		})
		runtime.KeepAlive(sink)
	}
}

func BenchmarkWireID(b *testing.B) {
	table := filled(b, 60, MinID).Table()
	ty := table.Type(40)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := table.WireID(ty); !ok {
			b.Fatal("unknown")
		}
	}
}
