// Package command is the frame of a program that has commands: it finds the one
// that is asked for, gives it a context that ends with the first signal, and
// turns its error into an exit code. Beside it is what such programs share: other
// processes with pipes, functions that a signal calls, and what the process holds.
//
// Exit codes: 0 when the command returned nil, 1 when it failed, 2 when the
// command line cannot be followed.
package command
