package engine

import "testing"

// A conn that becomes dirty while others are flushed is flushed too, and each once.
func TestDirtyConnsAreFlushedOnce(t *testing.T) {
	v := virtual(t, nil)
	first, second := new(fakeTransport), new(fakeTransport)
	a, b := attachFake(t, v.r, first, &hooks{}), attachFake(t, v.r, second, &hooks{})
	settle(t, v)
	writes := 0
	first.write = func() {
		if writes++; writes == 1 {
			b.Out().B = append(b.Out().B, "made dirty by a write"...)
		}
	}
	second.write = func() { writes++ }
	v.r.Post(func() {
		a.Out().B = append(a.Out().B, "x"...)
		a.markDirty()
		q := &a.loop.dirty
		q.flush()
		if len(*q) != 0 || a.flags.has(inDirty) || b.flags.has(inDirty) {
			t.Error("a conn is dirty after a flush")
		}
		q.flush()
	})
	settle(t, v)
	if writes != 2 || string(second.wrote) != "made dirty by a write" {
		t.Errorf("%d writes, the second conn wrote %q", writes, second.wrote)
	}
}
