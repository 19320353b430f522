package registry

import (
	"math/bits"
	"testing"
)

// longestWay is how many slots are looked at, at most, to find one of the ids in
// a hash of them, or to see that an id is not there.
func longestWay(ids []uint16) (longest int) {
	x := idTable{hash: make([]slot, 1<<bits.Len(uint(len(ids)+len(ids)/3)))}
	for i, id := range ids {
		x.hash[x.place(id)] = slot(id)<<16 | slot(i+1)
	}
	for id := range MaxID + 1 {
		home, mask := int(mix(uint16(id))), len(x.hash)-1
		longest = max(longest, (x.place(uint16(id))-home)&mask+1)
	}
	return longest
}

// Whatever steps the other side's ids are in, few slots are looked at for one.
func TestIDsInEvenStepsAreFoundSoon(t *testing.T) {
	worst := 0
	for step := 2; step <= 256; step++ {
		var ids []uint16
		for id := MinID; id <= MaxID && len(ids) < MaxNames-4; id += step {
			ids = append(ids, uint16(id))
		}
		worst = max(worst, longestWay(ids))
	}
	t.Logf("%d slots at most", worst)
	if worst > 400 {
		t.Errorf("%d slots are looked at for an id", worst)
	}
}
