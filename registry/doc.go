// Package registry maps packet names, ids and packet objects to each other.
//
// A [Registry] is shared by all peers of one side of a program. Each packet
// has a name "application:packet", a number from [MinID] to [MaxID], and
// maybe an object whose methods are called as packets of it are sent and
// received ([Hooks]):
//
//	type Move struct{ X, Y int }
//
//	r := registry.New()
//	move := registry.MustAdd[Move](r, "game:move", 16)
//	pong, err := r.Add("game:pong", 17, nil)
//	ping, err := r.Add("game:ping", 18, registry.Echo{As: "game:pong"})
//
// What comes out of an Add is a handle for sending and handling that packet. A
// name, an id or a packet object serves as well wherever a key is asked for;
// see [Registry.Lookup].
//
// # Tables
//
// Who reads a registry takes its current [Table] with [Registry.Table], and
// holds no lock: a table never changes. The first reader after a change of the
// registry makes it. [Table.Type] finds an incoming packet's type by its id in
// one load, or by a hash where the ids are scattered.
//
// When two peers connect, one of them takes over the other one's ids. It
// does so for that one connection: [Table.Adapt] makes a table of the same
// types under other ids, and leaves the registry and all other tables alone.
// What the sides have told each other holds until the connection ends, so a
// packet that is added in the meantime needs [Late].
//
// # Goroutines
//
// Any goroutine may call any function or method of this package. Hooks run
// where their documentation says.
package registry
