// Package siege is the program siege, which attacks a server of packetmq from outside,
// and says which of its promises held.
//
//	siege run    attacks, promise by promise, for some minutes
//	siege soak   clients that connect, talk and vanish, for long
//
// The server is "bench serve", in a process of its own. Another program can stand
// in for it that takes the same flags, answers a bench:echo with a bench:reply,
// and prints what it holds when it gets SIGUSR1. The row "ends" also starts the
// command load of the same program, as a client. The attacks know such a server by
// its sockets, by /proc and by that line, and share no code with it.
//
// It runs where there is /proc: on Linux.
//
// Exit codes: 0, also after an interruption; 1 when a promise was broken, or could
// not be tried; 2 when the command line is wrong.
package siege
