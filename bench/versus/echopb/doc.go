// Package echopb is the body of a typed call as a protobuf message, for grpc and
// ttrpc, which take no others. protoc and protoc-gen-go made echo.pb.go from echo.proto.
package echopb

//go:generate protoc --go_out=paths=source_relative:. echo.proto
