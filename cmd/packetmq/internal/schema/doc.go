// Package schema reads Go source and finds what it defines for packetmq: packets, calls,
// states, requests for rooms, named errors, and the Go types that these carry.
//
//	set, err := schema.Read("", "./proto")
//	for _, d := range set.Definitions {
//		fmt.Println(d.Name, d.ID, d.Body)
//	}
//
// Source is type-checked, as by the compiler, and not run. So names and ids must be
// constants, and types must be concrete where a definition has them. What a type looks like on
// the wire follows the rules of package codec: the msgpack tags, embedded structs, types with
// methods that encode them.
//
// A fault in the source is an *Error, with its file and line. The functions of this package
// may be called on any goroutine; a Set must not be changed.
package schema
