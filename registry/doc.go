// Package registry maps packet names, ids and packet objects to each other.
//
// A packet is defined once, with a name "application:packet", a number from
// [MinID] to [MaxID] and the Go type that it is decoded into. Each side of a
// conversation adds it to a [Registry] of its own:
//
//	type MoveBody struct{ X, Y int }
//
//	var Move = registry.Define[MoveBody]("game:move", 16)
//
//	server := registry.New()         // insists on its ids
//	client := registry.NewAdapting() // takes over the server's ids
//	server.MustAdd(Move)
//	client.MustAdd(Move)
//
// The definition is the handle by which the packet is sent and handled. A
// registry is shared by all peers of one side of a program.
//
// # Objects
//
// A packet may have an object whose methods are called as packets of it are
// sent and received ([Hooks]): [WithObject] gives it one. A packet may also have
// no Go type of its own, as the packets of Python programs:
//
//	log, err := r.AddObject("game:log", 18, &registry.Print{})
//
// A name, an id or a packet object serves as well wherever a key is asked for;
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
// packet that is added in the meantime must be defined with [Late].
//
// # Goroutines
//
// Any goroutine may call any function or method of this package. Hooks run
// where their documentation says.
//
// # Nil
//
// A method of a nil *Registry returns [ErrNoRegistry] if it returns an error,
// and panics if not; [Packet.In] returns nil. A method of a nil *Table or *Type
// panics.
package registry
