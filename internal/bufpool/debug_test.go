//go:build packetmq_debug

package bufpool

import (
	"strings"
	"testing"
)

// complaint is what f panics with; empty if it does not.
func complaint(f func()) (what string) {
	defer func() { what, _ = recover().(string) }()
	f()
	return
}

func TestLeaksTellWhoTookWhatIsOut(t *testing.T) {
	var p Pool
	if l := p.Leaks(); len(l) != 0 {
		t.Errorf("a new pool has leaks: %q", l)
	}
	careless := func() *Buffer { return p.Get() }
	p.Put(p.Get())
	a, b := p.Get(), careless()
	l := p.Leaks()
	if len(l) != 2 {
		t.Fatalf("%d leaks with 2 buffers out", len(l))
	}
	if strings.Contains(l[0], "func1") || !strings.Contains(l[0], "TestLeaksTellWhoTookWhatIsOut\n") {
		t.Errorf("the older one was taken by\n%s", l[0])
	}
	if !strings.Contains(l[1], "TestLeaksTellWhoTookWhatIsOut.func1\n") || !strings.Contains(l[1], "debug_test.go") {
		t.Errorf("the newer one was taken by\n%s", l[1])
	}
	p.Put(a)
	p.Put(b)
	if l := p.Leaks(); len(l) != 0 {
		t.Errorf("leaks with all buffers back: %q", l)
	}
}

func TestMisuseIsSeen(t *testing.T) {
	for name, test := range map[string]struct {
		misuse func(p *Pool)
		want   []string
	}{
		"put twice": {func(p *Pool) {
			b := p.Get()
			p.Put(b)
			p.Put(b)
		}, []string{"put back twice", "now by", "before by", "taken by"}},
		"put twice, too large to keep": {func(p *Pool) {
			b := p.Get()
			b.B = make([]byte, MaxKept+1)
			p.Put(b)
			p.Put(b)
		}, []string{"not out"}},
		"put into another pool": {func(p *Pool) {
			new(Pool).Put(p.Get())
		}, []string{"another pool"}},
		"made by hand": {func(p *Pool) {
			p.Put(&Buffer{B: make([]byte, 10)})
		}, []string{"not out"}},
		"written to after Put": {func(p *Pool) {
			b := p.Get()
			b.B = append(b.B, "view"...)
			view := b.B
			p.Put(b)
			view[2] = 1
			p.Get()
		}, []string{"used after it was put back: byte 2 of", "put back by", "taken by"}},
		"written to beyond its length": {func(p *Pool) {
			b := p.Get()
			b.B = make([]byte, 0, 100)
			view := b.B[:100]
			p.Put(b)
			view[99] = 1
			p.Get()
		}, []string{"byte 99 of 100"}},
		"appended to after Put": {func(p *Pool) {
			b := p.Get()
			p.Put(b)
			b.B = append(b.B, "late"...)
			p.Get()
		}, []string{"its length is 4"}},
		"given other bytes after Put": {func(p *Pool) {
			b := p.Get()
			p.Put(b)
			b.B = make([]byte, 0, 10)
			p.Get()
		}, []string{"its bytes are others"}},
		"written to while many others come back": {func(p *Pool) {
			var others []*Buffer
			for range maxIdle {
				others = append(others, p.Get())
			}
			b := p.Get()
			b.B = append(b.B, "view"...)
			view := b.B
			p.Put(b)
			view[0] = 1
			for _, o := range others {
				p.Put(o)
			}
		}, []string{"byte 0 of"}},
	} {
		t.Run(name, func(t *testing.T) {
			var p Pool
			got := complaint(func() { test.misuse(&p) })
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("%q is not in the complaint:\n%s", want, got)
				}
			}
			if !strings.Contains(got, "TestMisuseIsSeen") {
				t.Errorf("the complaint does not lead here:\n%s", got)
			}
		})
	}
}

// What is kept of a buffer sees poison once it is back.
func TestWhatIsKeptIsPoison(t *testing.T) {
	var p Pool
	b := p.Get()
	b.B = append(b.B, "secret"...)
	kept := b.B
	p.Put(b)
	for i, c := range kept {
		if c != Poison {
			t.Errorf("byte %d is %#02x", i, c)
		}
	}
}

// Buffers are used again, or tests of the debug build would not see late uses.
func TestBuffersAreUsedAgain(t *testing.T) {
	var p Pool
	b := p.Get()
	b.B = append(b.B, 1, 2, 3)
	p.Put(b)
	if got := p.Get(); got != b || len(got.B) != 0 {
		t.Errorf("got %p with %d bytes, want %p, empty", got, len(got.B), b)
	}
}
