// Command versus measures packetmq beside other ways to move packets.
//
//	versus run       put every server under every load and take down what it costs
//	versus report    make a run's results readable: tables, plots, verdicts
//	versus compare   show two runs' results beside each other, or print one for benchstat
//	versus serve     be one of the servers
//	versus call      be the load of a server by the client of its library
//
// `make bench` at the top of the repository does all of it; `make bench-quick`
// a part in under two minutes. The results are in bench/results.
//
// # What is compared
//
// Servers that answer packetmq's frames, each a process of its own: limit, in C
// with one read and one write for all that has arrived, which is the least that
// such a server can do; gnet in two ways, net, netpoll and nbio, which have no
// handshake and no limits; and packetmq with its default options, which is
// bin/bench serve. A payload comes back as it is, or is decoded and encoded:
// with msgpack/v5 into a struct (typed) or an any, or, where packetmq is alone,
// through MarshalMsg and UnmarshalMsg (marshal). Beside them are servers with
// protocols of their own: grpc, ttrpc and NATS; and one in Python, on Twisted.
// Calls of these, of net/rpc and of packetmq, with a struct each way, are a group of
// their own, in which every server has the library's client for its load.
//
// # How
//
// The server has one CPU and the load another, and servers in Go have the
// GOMAXPROCS that Go itself takes on one CPU: with 2, gnet's poller has a second
// thread woken for each packet that comes alone, and nothing is answered sooner.
// A load is a process in C, or for
// servers with a protocol of their own the library's client; it compares every
// byte of every reply. A cell is one load: a closed loop, with a number of
// packets under way on each of some conns; an open loop at a share of what the
// server can do, where latency counts from when a packet was to be sent; the
// same number of packets under way on more and more conns; conns that are idle;
// limit, packetmq and gnet with one event loop and two, where server and load
// share both CPUs; calls, one at a time and many;
// packets of sessions, and sessions whose conns are all cut at once;
// or the nodes of a cluster, which share both CPUs with the load.
//
// All servers of a cell are started once and run through all of its rounds; one
// that nobody asks for anything has less than a thousandth of a CPU. In each
// round each has its turn under a load, in a random order, and the next turn
// begins when the server has no more to do with the conns of the last. A server
// that fails is started again for the next round, and given up if it fails there
// too.
//
// The figure to trust is the server's CPU time per packet, read by the load from
// the processes' CPU clocks at the edges of the window. What else ran on the
// machine meanwhile is taken down too, and samples are marked where that was
// much; then the next one waits a moment for quiet.
//
// A machine that is shared has phases in which all takes longer. So a ratio is
// never that of two medians: it is the median of the ratios within each round,
// of samples that are seconds apart. There are many short rounds for that, and
// the spread is given as quartiles.
//
// After an interruption the results are those that there are by then, and no
// process is left.
//
// The loads and servers talk to the run in lines: a server prints "listening
// HOST:PORT"; a load prints "ready", waits for a line, measures, and prints one
// line of JSON. The programs in C are in the folder c; make compiles them.
//
// It needs Linux.
package main
