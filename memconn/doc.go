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
// An End's Transport methods are called by the conn it is attached to, on that
// conn's loop. Each end must be attached, or closed.
package memconn
