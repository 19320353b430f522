// Package grpcpeer is an echo over grpc-go: one bidirectional stream a conn,
// and a goroutine a stream on the server, as its documentation writes it.
//
// Payloads go through a codec that neither encodes nor copies. That is less
// than a program with protobuf messages pays, so figures flatter grpc.
package grpcpeer
