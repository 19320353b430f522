// Package ttrpcpeer is an echo over ttrpc: unary calls, each answered on a
// goroutine that the library starts for it.
//
// ttrpc takes protobuf messages and nothing else. The payload travels in the
// simplest, a google.protobuf.BytesValue.
package ttrpcpeer
