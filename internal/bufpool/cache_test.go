package bufpool

import "testing"

func TestWhatRestsInACacheIsBack(t *testing.T) {
	var p Pool
	c := p.Cache()
	a, b := c.Get(), p.Get()
	a.B = append(a.B, "left over"...)
	c.Put(a)
	c.Put(b) // from the pool itself
	c.Settle()
	if n := p.Out(); n != 0 {
		t.Fatalf("Out() = %d with all buffers in a cache, want 0", n)
	}
	if b := c.Get(); len(b.B) != 0 {
		t.Fatalf("Get returned %d bytes, want none", len(b.B))
	}
	c.Settle()
	if n := p.Out(); n != 1 {
		t.Fatalf("Out() = %d with one buffer held, want 1", n)
	}
}

func TestCacheIsBounded(t *testing.T) {
	var p Pool
	c := p.Cache()
	for range 2 * cached {
		c.Put(p.Get())
	}
	big := p.Get()
	big.B = make([]byte, 0, MaxCached+1)
	c.Clear()
	c.Put(big)
	if len(c.idle) != 0 {
		t.Fatalf("the cache kept a buffer of %d bytes, bound is %d", MaxCached+1, MaxCached)
	}
	c.Settle()
	if n := p.Out(); n != 0 {
		t.Fatalf("Out() = %d with all buffers back, want 0", n)
	}
}

func TestCacheAllocatesNothing(t *testing.T) {
	if debugBuild {
		t.Skip("the debug build keeps books")
	}
	var p Pool
	c := p.Cache()
	c.Put(c.Get())
	if n := testing.AllocsPerRun(1000, func() { c.Put(c.Get()) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
