// Package caller puts load on servers whose protocol is a library's own, such
// as grpc: the library's client makes the calls, and this package says when,
// checks every byte of every reply, and counts.
//
// A load is a closed loop, in which each conn has a number of packets under way
// all the time, or an open one, in which packets leave at a fixed rate whatever
// comes back, and their latency counts from the time at which they were due.
//
//	result, err := caller.Calls(ctx, cfg, func(ctx context.Context) (caller.Unary, error) {
//		return dial(ctx, cfg.Addr)
//	})
//
// All conns are idle while Config.Ready is called, and a round ends when its
// last reply has come. So what the clocks of Config.Servers show before and
// after it is the cost of the packets that were counted, and of no others.
//
// It runs on Linux only.
package caller
