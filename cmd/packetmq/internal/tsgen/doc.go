// Package tsgen writes what a schema.Set has as TypeScript, for the package @packetmq/client:
// an interface and a description of its form on the wire for each Go type, and a typed
// definition for each packet, call, state and error.
//
//	set, err := schema.Read("", "./proto")
//	if err != nil {
//		return err
//	}
//	source, err := tsgen.Generate(set)
//
// The same Go source gives the same bytes. Generate may be called on any goroutine.
package tsgen
