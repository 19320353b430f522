// Package bench is the program bench, which puts real traffic on packetmq and measures it.
//
//	bench serve   a server that answers every bench:echo with a bench:reply
//	bench load    clients that keep such a server busy and check each answer
//	bench run     both, in two processes, and memory clients beside them
//	bench beside  how late a game's snapshots are beside a second reactor
//	bench state   how old the values are that readers of a state get, while others stall
//
// A packet, wherever one is counted, is a round trip: a bench:echo, and the
// bench:reply with the same payload that answers it. Both carry a map of seq, a
// number that counts up on each conn; ts, when it was sent, in nanoseconds on a
// clock of the sender's own; and body, bytes that follow from seq. A client
// expects the replies of a conn in order and compares every byte.
//
// The load is a closed loop: each conn keeps a number of packets under way, and
// sends the next when a reply arrives. Latency is the time from a send to its
// reply, queues included. A closed loop waits while the server stalls, and so
// sees each stall once for every packet under way, not for every packet that
// would have come meanwhile: compare percentiles at equal settings only.
//
// A server that gets SIGUSR1 prints what it holds on standard error: goroutines,
// conns, buffers that are out, and bytes of live heap and of stacks; and how late
// a timer of --busy was, in nanoseconds. Garbage is collected first.
//
// Exit codes: 0, also after an interruption; 1 when something went wrong, a
// wrong reply included; 2 when the command line is wrong.
package bench
