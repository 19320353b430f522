// Package ttrpcpeer is an echo over ttrpc: unary calls, each answered on a
// goroutine that the library starts for it.
//
// ttrpc takes protobuf messages and nothing else. In mode raw the payload travels
// in the simplest, a google.protobuf.BytesValue; in mode call a message has fields.
package ttrpcpeer
