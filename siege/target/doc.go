// Package target is the server that is attacked: a process that is started for one
// row and killed with it.
//
// What is known about it comes from its replies, from /proc, and from one line
// that it prints at SIGUSR1: goroutines, conns, buffers that are out, bytes of
// live heap and of stacks, and how late its timers were.
package target
