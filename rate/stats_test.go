package rate

import (
	"fmt"
	"testing"

	"github.com/packetmq/packetmq/registry"
)

// Packets that come and go do not make the counts grow without end.
func TestCountsAreBounded(t *testing.T) {
	var c counts
	reg := registry.New()
	for i := range MaxNames + 10 {
		typ, err := reg.AddObject(fmt.Sprintf("test:%d", i), 100, nil)
		if err != nil {
			t.Fatal(err)
		}
		c.add(typ, ofAll)
		c.add(typ, ofConn)
		if err := reg.Remove(typ); err != nil {
			t.Fatal(err)
		}
	}
	got := c.copied()
	if len(got) != MaxNames+1 || got["other"] != (Over{Conn: 10, All: 10}) || got["test:0"] != (Over{Conn: 1, All: 1}) {
		t.Errorf("%d names, %+v of other ones", len(got), got["other"])
	}
}
