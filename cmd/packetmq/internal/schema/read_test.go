package schema_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/packetmq/packetmq/cmd/packetmq/internal/schema"
	"github.com/packetmq/packetmq/cmd/packetmq/internal/tsgen/testdata/shop"
	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// program has something of everything.
const program = "../tsgen/testdata/shop"

// Example reads the definitions of a package.
func Example() {
	set, err := schema.Read("", program)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range set.Definitions[:3] {
		fmt.Println(d.Kind, d.Name, d.ID, d.Var, d.Body.Name)
	}
	// Output:
	// packet shop:drop 20 Drop Item
	// packet shop:pairs 21 Pairs Pair
	// packet shop:delete 22  Empty
}

// What is read from the source is what the program itself has: the same names, ids, and forms
// on the wire.
func TestEntriesAreThoseOfTheProgram(t *testing.T) {
	set, err := schema.Read("", program)
	if err != nil {
		t.Fatal(err)
	}
	read := make(map[string]schema.Entry)
	for _, e := range set.Entries() {
		read[e.Name] = e
	}
	reg := registry.New()
	reg.MustAdd(shop.Definitions()...)
	if err := shop.Setup(reg); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range reg.Table().IDs() {
		typ, err := reg.Lookup(e.Name)
		if err != nil || e.ID < registry.MinID {
			continue
		}
		n++
		got := read[e.Name]
		if got.ID != int(e.ID) || got.Optional != typ.Options().Optional {
			t.Errorf("%s: read %+v, the program has %d", e.Name, got, e.ID)
		}
		if typ.Shape() == 0 { // it has no Go type
			if got.Type != nil {
				t.Errorf("%s: a type was read", e.Name)
			}
			continue
		}
		if got.Type == nil || got.Type.ShapeHash() != typ.Shape() {
			t.Errorf("%s: the shape that was read is %s", e.Name, got.Type.Shape())
			t.Errorf("%s: want %s", e.Name, codec.Shape(typ.GoType()))
		}
	}
	if n < 17 {
		t.Errorf("%d packets were compared", n)
	}
}

func TestReadOfNothing(t *testing.T) {
	if _, err := schema.Read("", "."); !errors.Is(err, schema.ErrNone) {
		t.Errorf("error %v, want ErrNone", err)
	}
	if _, err := schema.Read("", "./nowhere"); err == nil {
		t.Error("a package that is not there was read")
	}
}
