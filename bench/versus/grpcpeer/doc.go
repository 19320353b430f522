// Package grpcpeer is an echo over grpc-go, in two modes.
//
// In raw there is one bidirectional stream a conn, and a goroutine a stream on
// the server, as its documentation writes it. Payloads go through a codec that
// neither encodes nor copies. That is less than a program with protobuf messages
// pays, so figures flatter grpc.
//
// In call there are unary calls of a protobuf message, with default options.
package grpcpeer
