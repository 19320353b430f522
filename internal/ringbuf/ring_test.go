package ringbuf

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"weak"
)

// slots is how many elements fit before the next growth.
func (r *Ring[T]) slots() int { return len(r.buf) }

// pair is a ring beside the plain slice that it must behave like.
type pair struct {
	t     *testing.T
	ring  Ring[*int]
	model []*int
	next  int
}

func (p *pair) push() {
	v := p.next
	p.next++
	p.ring.Push(&v)
	p.model = append(p.model, &v)
}

func (p *pair) pop() {
	v, ok := p.ring.Pop()
	if ok != (len(p.model) > 0) {
		p.t.Fatalf("Pop reports %v with %d elements", ok, len(p.model))
	}
	if !ok {
		if v != nil {
			p.t.Fatal("Pop of an empty ring returns an element")
		}
		return
	}
	if v != p.model[0] {
		p.t.Fatalf("Pop = %d, want %d", *v, *p.model[0])
	}
	p.model = p.model[1:]
}

func (p *pair) popInto(size int) {
	rest := new(int)
	dst := make([]*int, size)
	for i := range dst {
		dst[i] = rest
	}
	k := p.ring.PopInto(dst)
	if want := min(size, len(p.model)); k != want {
		p.t.Fatalf("PopInto %d of %d = %d, want %d", size, len(p.model), k, want)
	}
	if !slices.Equal(dst[:k], p.model[:k]) {
		p.t.Fatalf("PopInto %d moved other elements than the model has", size)
	}
	for _, v := range dst[k:] {
		if v != rest {
			p.t.Fatal("PopInto wrote beyond the elements it moved")
		}
	}
	p.model = p.model[k:]
}

func (p *pair) clear() {
	p.ring.Clear()
	p.model = nil
	if c := p.ring.slots(); c != 0 {
		p.t.Fatalf("capacity %d after Clear", c)
	}
}

// check compares everything that can be seen, and the invariants of doc.go.
func (p *pair) check() {
	p.t.Helper()
	n, c := p.ring.Len(), p.ring.slots()
	if n != len(p.model) {
		p.t.Fatalf("Len = %d, want %d", n, len(p.model))
	}
	if c < n || c&(c-1) != 0 || c != 0 && c < minCap {
		p.t.Fatalf("capacity %d for %d elements", c, n)
	}
	if n == 0 && c > 2*maxKeep {
		p.t.Fatalf("an empty ring keeps %d slots", c)
	}
	v, ok := p.ring.Peek()
	if ok != (n > 0) || ok && v != p.model[0] {
		p.t.Fatalf("Peek = %v, %v with %d elements", v, ok, n)
	}
	for i, want := range p.model {
		if p.ring.At(i) != want {
			p.t.Fatalf("At(%d) = %d, want %d", i, *p.ring.At(i), *want)
		}
	}
	held := 0
	for _, v := range p.ring.buf {
		if v != nil {
			held++
		}
	}
	if held != n {
		p.t.Fatalf("%d slots hold something, for %d elements", held, n)
	}
}

// step does one operation: one of six kinds, so many times.
func (p *pair) step(op byte) {
	size := int(op/6) + 1
	switch op % 6 {
	case 0:
		for range size {
			p.push()
		}
	case 1:
		for range size {
			p.pop()
		}
	case 2:
		p.popInto(size)
	case 3: // a burst
		for range size * 16 {
			p.push()
		}
	case 4: // drain
		for len(p.model) > 0 {
			p.popInto(size)
		}
	case 5: // a steady load
		for range size * 4 {
			p.push()
			p.pop()
		}
	}
}

func FuzzRing(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 1, 2})
	f.Add([]byte{48, 25, 48, 25, 48, 200, 4})
	f.Add([]byte{255, 255, 255, 4, 255, 4, 255, 5, 5, 2})
	f.Fuzz(func(t *testing.T, ops []byte) {
		p := pair{t: t}
		for _, op := range ops[:min(len(ops), 200)] {
			p.step(op)
			p.check()
		}
		p.clear()
		p.check()
	})
}

func TestRandomOperations(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		p := pair{t: t}
		for range 300 {
			if rng.IntN(100) == 0 {
				p.clear()
			} else {
				p.step(byte(rng.IntN(256)))
			}
			p.check()
		}
	}
}

func TestAtPanicsLikeASlice(t *testing.T) {
	message := func(f func()) (msg string) {
		defer func() { msg = fmt.Sprint(recover()) }()
		f()
		return ""
	}
	for _, n := range []int{0, 3, 8} {
		var r Ring[int]
		for i := range n {
			r.Push(i)
		}
		for _, i := range []int{-1, n, n + 1, math.MaxInt} {
			got := message(func() { r.At(i) })
			want := message(func() { _ = make([]int, n)[i] })
			if got != want {
				t.Errorf("At(%d) of %d: panic %q, want %q", i, n, got, want)
			}
		}
	}
}

func TestGrowth(t *testing.T) {
	var r Ring[int]
	if r.slots() != 0 {
		t.Errorf("zero value has %d slots", r.slots())
	}
	for _, want := range []int{8, 16, 32, 64} {
		for r.Len() < want {
			r.Push(0)
		}
		if r.slots() != want {
			t.Errorf("%d slots for %d elements, want %d", r.slots(), r.Len(), want)
		}
	}
}

// cycle pushes peak elements and pops all of them.
func cycle(r *Ring[int], peak int) {
	for i := range peak {
		r.Push(i)
	}
	for range peak {
		r.Pop()
	}
}

func TestShrink(t *testing.T) {
	tests := []struct {
		name  string
		peaks []int // drained to empty after each
		want  int
	}{
		{"never grown", []int{5}, 8},
		{"one burst", []int{1000}, 8},
		{"a huge burst", []int{1 << 20}, 8},
		{"a burst among small ones", []int{3, 3, 1000}, 8},
		{"two bursts", []int{1000, 1000}, 1024},
		{"two bursts of unlike size", []int{1000, 200}, 256},
		{"a smaller one after two bursts", []int{1000, 1000, 200}, 512},
		{"a tiny one after two bursts", []int{1000, 1000, 1}, 8},
		{"half the size", []int{1000, 1000, 500}, 1024},
		{"over and over", []int{700, 1000, 600, 900, 1000}, 1024},
		{"no more than the bound", []int{100000, 100000, 100000}, 2 * maxKeep},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var r Ring[int]
			for _, peak := range test.peaks {
				cycle(&r, peak)
			}
			if r.slots() != test.want {
				t.Errorf("%d slots after bursts of %d, want %d", r.slots(), test.peaks, test.want)
			}
		})
	}
}

func TestShrinkWithoutRunningEmpty(t *testing.T) {
	var r Ring[int]
	for i := range 1 << 16 {
		r.Push(i)
	}
	for r.Len() > 5 {
		r.Pop()
	}
	for i := range 2 * r.slots() {
		r.Push(i)
		r.Pop()
	}
	if r.slots() != 16 {
		t.Errorf("%d slots for a load of 5 and 6, want 16", r.slots())
	}
}

// A busy ring's rounds may end anywhere; the drain after one must not be taken
// for a small burst.
func TestDrainAfterLongLoad(t *testing.T) {
	for extra := range 256 {
		var r Ring[int]
		load := func() {
			for i := range 100 {
				r.Push(i)
			}
			for i := range 128 + extra {
				r.Push(i)
				r.Pop()
			}
			for r.Len() > 0 {
				r.Pop()
			}
		}
		load()
		load()
		if r.slots() != 128 {
			t.Fatalf("%d slots after two equal loads, want 128 (extra %d)", r.slots(), extra)
		}
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	dst := make([]int, 64)
	tests := []struct {
		name string
		load func(r *Ring[int])
	}{
		{"one at a time", func(r *Ring[int]) { cycle(r, 1) }},
		{"drained batches", func(r *Ring[int]) { cycle(r, 100) }},
		{"the largest kept batches", func(r *Ring[int]) { cycle(r, 2*maxKeep) }},
		{"peaks within a factor of two", func(r *Ring[int]) { cycle(r, 65); cycle(r, 129); cycle(r, 100) }},
		{"batches by PopInto", func(r *Ring[int]) {
			for i := range 100 {
				r.Push(i)
			}
			for r.PopInto(dst) > 0 {
			}
		}},
		{"a backlog that comes and goes", func(r *Ring[int]) {
			for r.Len() < 1000 {
				r.Push(0)
			}
			for r.Len() > 1 {
				r.Pop()
			}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var r Ring[int]
			for range 10 {
				test.load(&r)
			}
			if a := testing.AllocsPerRun(500, func() { test.load(&r) }); a != 0 {
				t.Errorf("%v allocations each time", a)
			}
		})
	}
}

// Even a load made to defeat the policy must stay O(1) amortised: count the
// slots set up per push.
func TestAmortised(t *testing.T) {
	patterns := map[string][]int{
		"one and many":     {1, 1000},
		"just kept":        {2049, 2049},
		"ever larger":      {10, 100, 1000, 10000, 100000},
		"around a quarter": {32, 128, 33, 128, 31},
	}
	for name, peaks := range patterns {
		var r Ring[int]
		slots, pushes, last := 0, 0, 0
		note := func() {
			if c := r.slots(); c != last {
				slots, last = slots+c, c
			}
		}
		for range 50 {
			for _, peak := range peaks {
				for i := range peak {
					r.Push(i)
					note()
				}
				for range peak {
					r.Pop()
					note()
				}
				pushes += peak
			}
		}
		if slots > 8*pushes {
			t.Errorf("%s: %d slots set up for %d pushes", name, slots, pushes)
		}
	}
}

type packet [64]byte

// weakly pushes n packets of which only the ring knows.
func weakly(r *Ring[*packet], n int) []weak.Pointer[packet] {
	refs := make([]weak.Pointer[packet], n)
	for i := range refs {
		p := new(packet)
		refs[i] = weak.Make(p)
		r.Push(p)
	}
	return refs
}

func alive(refs []weak.Pointer[packet]) (n int) {
	runtime.GC()
	for _, ref := range refs {
		if ref.Value() != nil {
			n++
		}
	}
	return n
}

func TestKeepsNoReference(t *testing.T) {
	tests := []struct {
		name string
		take func(r *Ring[*packet])
		want int // of 100 still held
	}{
		{"nothing taken", func(*Ring[*packet]) {}, 100},
		{"Pop", func(r *Ring[*packet]) {
			for range 60 {
				r.Pop()
			}
		}, 40},
		{"PopInto", func(r *Ring[*packet]) { r.PopInto(make([]*packet, 60)) }, 40},
		{"PopInto of all", func(r *Ring[*packet]) { r.PopInto(make([]*packet, 200)) }, 0},
		{"Clear", func(r *Ring[*packet]) { r.Clear() }, 0},
		{"growth between", func(r *Ring[*packet]) {
			r.PopInto(make([]*packet, 60))
			for range 200 {
				r.Push(nil)
			}
		}, 40},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var r Ring[*packet]
			// The front in the middle of the buffer, so that the packets wrap.
			for range 90 {
				r.Push(nil)
			}
			r.PopInto(make([]*packet, 80))
			refs := weakly(&r, 100)
			r.PopInto(make([]*packet, 10))

			test.take(&r)
			if got := alive(refs); got != test.want {
				t.Errorf("%d packets reachable, want %d", got, test.want)
			}
			runtime.KeepAlive(&r)
		})
	}
}

func BenchmarkPushPop(b *testing.B) {
	var r Ring[int]
	b.ReportAllocs()
	for b.Loop() {
		r.Push(1)
		r.Pop()
	}
}

func BenchmarkBatch256(b *testing.B) {
	var r Ring[int]
	dst := make([]int, 256)
	b.ReportAllocs()
	for b.Loop() {
		for i := range dst {
			r.Push(i)
		}
		r.PopInto(dst)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(dst)), "ns/element")
}

// A burst too large to be kept: the price of growing and shrinking.
func BenchmarkBurst64k(b *testing.B) {
	const burst = 1 << 16
	var r Ring[int]
	dst := make([]int, 256)
	b.ReportAllocs()
	for b.Loop() {
		for i := range burst {
			r.Push(i)
		}
		for r.PopInto(dst) > 0 {
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*burst), "ns/element")
}
