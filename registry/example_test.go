package registry_test

import (
	"errors"
	"fmt"

	"github.com/packetmq/packetmq/registry"
)

type Move struct{ X, Y int }

// A name, an id, an object and a handle all find the packet.
func Example() {
	r := registry.New()
	move := registry.MustAdd[Move](r, "game:move", 16)
	printer := new(registry.Print)
	if _, err := r.AddObject("game:ping", 17, printer); err != nil {
		fmt.Println(err)
	}

	for _, key := range []any{"game:move", 17, printer, move} {
		t, err := r.Lookup(key)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(t.ID(), t.Name())
	}
	// Output:
	// 16 game:move
	// 17 game:ping
	// 17 game:ping
	// 16 game:move
}

// A connection takes over the other side's ids; the registry keeps its own.
func ExampleTable_Adapt() {
	client, server := registry.NewAdapting(), registry.New()
	ping := registry.MustAdd[Move](client, "game:ping", 40)
	registry.MustAdd[Move](server, "game:ping", 17)

	table, err := client.Table().Adapt(server.Table().IDs())
	if err != nil {
		fmt.Println(err)
		return
	}
	id, _ := table.WireID(ping.In(client))
	fmt.Println("registered", ping.ID(), "on the wire", id)
	fmt.Println(table.Type(17).Name())
	// Output:
	// registered 40 on the wire 17
	// game:ping
}

// Two sides that do not have the same packets learn which ones.
func ExampleMismatchError() {
	client, server := registry.NewAdapting(), registry.New()
	registry.MustAdd[Move](client, "game:move", 16)
	registry.MustAdd[Move](server, "game:jump", 16)

	_, err := client.Table().Adapt(server.Table().IDs())
	if e, ok := errors.AsType[*registry.MismatchError](err); ok {
		fmt.Println(e.Missing, e.Extra)
	}
	// Output:
	// [game:move] [game:jump]
}

// A packet removed while a connection is up has no id on it any more, and one
// added has none yet.
func ExampleTable_Rebase() {
	r := registry.NewAdapting()
	registry.MustAdd[Move](r, "game:move", 16)
	registry.MustAdd[Move](r, "game:jump", 17)
	conn, err := r.Table().Adapt([]registry.Entry{
		{registry.NameInit, registry.IDInit},
		{registry.NameSoftquit, registry.IDSoftquit},
		{registry.NamePubIDs, registry.IDPubIDs},
		{registry.NameFinish, registry.IDFinish},
		{"game:move", 100},
		{"game:jump", 101},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	if err := r.Remove("game:move"); err != nil {
		fmt.Println(err)
	}
	registry.MustAdd[Move](r, "game:duck", 18)
	fmt.Println(r.Table().Rebase(conn.IDs()).IDs()[4:])
	// Output:
	// [{game:jump 101}]
}
