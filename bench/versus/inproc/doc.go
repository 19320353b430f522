// Package inproc has benchmarks of what stays in one process: memory peers
// beside pipes, channels, grpc and NATS, and sends from many goroutines and to
// many conns.
//
//	go test -run '^$' -bench . ./inproc
//
// All payloads have 64 bytes. Beside the time of one packet each benchmark
// reports cpu-ns/op, the CPU time of the whole process for it: on a machine
// with other work that is the figure to compare.
package inproc
