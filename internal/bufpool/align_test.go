package bufpool

import (
	"testing"
	"unsafe"
)

// Processors of 32 bits end a program whose atomic 64-bit words do not lie at
// multiples of 8 bytes.
func TestPoolsAreAligned(t *testing.T) {
	type owner struct {
		_ uint32
		p Pool
	}
	o := new(owner)
	if p := unsafe.Pointer(&o.p.pool); uintptr(p)%8 != 0 {
		t.Errorf("the pool lies at %p", p)
	}
}
