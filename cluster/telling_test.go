package cluster

import (
	"fmt"
	"testing"

	"github.com/packetmq/packetmq/internal/await"
)

// A node that has more to tell than goes into one packet, and than may wait on a conn, tells a
// node that comes all of it, and what changes meanwhile.
func TestMuchIsTold(t *testing.T) {
	w := newNetwork(1)
	all := w.startAll(t, 1)
	const many = 30_000
	tell := func(user string) {
		all[0].Node.mu.Lock()
		defer all[0].Node.mu.Unlock()
		all[0].tell(toldSet, all[0].dir.Bind(user, 1))
	}
	for i := range many {
		tell(fmt.Sprintf("%0100d", i))
	}
	late := w.start(t, "n1")
	await.True(t, "beginning", func() bool { return late.Where(fmt.Sprintf("%0100d", 0)) == "n0" })
	tell("new")
	all[0].Node.mu.Lock()
	gone, _ := all[0].dir.Unbind(fmt.Sprintf("%0100d", many-1), all[0].dir.Own()[many-1].Time)
	all[0].tell(toldDrop, gone)
	all[0].Node.mu.Unlock()
	last := fmt.Sprintf("%0100d", many-2)
	await.True(t, "end", func() bool {
		return late.Where("new") == "n0" && late.Where(last) == "n0" && late.Where(gone.User) == ""
	})
	for i := range many - 1 {
		if user := fmt.Sprintf("%0100d", i); late.Where(user) != "n0" {
			t.Fatalf("user %d was not told", i)
		}
	}
}
