// Package arpcpeer is an echo over arpc: calls of a struct, in msgpack, each handled where the
// library reads its conn, and written by the library's goroutine for that.
package arpcpeer
