// Package memconn connects two conns of one process without a socket: a Pair
// of transports, each attached to a loop like any other, of one reactor or of
// two.
//
//	a, b := memconn.Pair(ra.Buffers(), rb.Buffers())
//	ra.Attach(a, connA, handlerA, nil)
//	rb.Attach(b, connB, handlerB, nil)
//
// What one end writes in a callback reaches the other as one buffer, without a
// copy and without a lock: the buffer changes its owner, and goes back to the
// pool it came from when the other end has read it. Neither side ever sees
// memory that the other can write to.
//
// As many as Slots buffers and about Window bytes can be on their way; what is
// written beyond waits at the writer's end, counts as its conn's pending
// output, and moves on when the reader has caught up.
//
// # The channel
//
// The channel between the ends is a ring of Slots buffers for each direction,
// with one writer and one reader. It is not a Go channel, which takes three to six
// times as long for a buffer even if nobody ever waits for it: it has a lock, for
// any number of writers and readers, and these are two, who are woken by their
// loops. Nor could a Go channel say how many bytes are on their way. It is not
// internal/ringbuf's ring either, which takes about twice as long: that
// one grows, so whoever shares it brings a lock. What waits for room is one
// loop's own, and there it is that ring.
//
//	go test ./memconn -run '^$' -bench Carrier
//
// shows all three in one run.
//
// An End's Transport methods are called by the conn it is attached to, on that
// conn's loop. Each end must be attached, or closed.
package memconn
