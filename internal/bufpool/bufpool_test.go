package bufpool

import "testing"

func TestOutCountsBuffers(t *testing.T) {
	var p Pool
	a, b := p.Get(), p.Get()
	if p.Out() != 2 {
		t.Fatalf("Out() = %d with two buffers held, want 2", p.Out())
	}
	p.Put(a)
	p.Put(b)
	if p.Out() != 0 {
		t.Fatalf("Out() = %d with all buffers back, want 0", p.Out())
	}
}

func TestGetIsEmpty(t *testing.T) {
	var p Pool
	for range 100 {
		b := p.Get()
		if len(b.B) != 0 {
			t.Fatalf("Get returned %d bytes, want none", len(b.B))
		}
		b.B = append(b.B, "left over"...)
		p.Put(b)
	}
}

func TestOversizeIsDropped(t *testing.T) {
	var p Pool
	big := p.Get()
	big.B = make([]byte, 0, MaxKept+1)
	p.Put(big)
	for range 100 {
		b := p.Get()
		if cap(b.B) > MaxKept {
			t.Fatalf("the pool kept a buffer of %d bytes, bound is %d", cap(b.B), MaxKept)
		}
		p.Put(b)
	}
}

func TestFreshBuffersWereNobodysBefore(t *testing.T) {
	if debugBuild {
		t.Skip("the debug build's pool is deterministic, and wants its buffers back")
	}
	p := Pool{Fresh: true}
	for range 100 {
		b, l := p.Get(), p.GetLarge()
		if cap(b.B) != 0 || cap(l.B) != Large {
			t.Fatalf("buffers of %d and %d bytes, want 0 and %d", cap(b.B), cap(l.B), Large)
		}
		b.B = make([]byte, 100)
		l.B = make([]byte, Large+1)
		p.Put(b)
		p.Put(l)
	}
	if p.Out() != 0 {
		t.Fatalf("Out() = %d with all buffers back, want 0", p.Out())
	}
}
