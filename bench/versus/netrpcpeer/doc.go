// Package netrpcpeer is an echo over net/rpc of the standard library, with gob: calls
// of a struct, each answered on a goroutine that the library starts for it.
package netrpcpeer
