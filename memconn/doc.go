// Package memconn connects two conns of one process without a socket: a Pair
// of transports, each attached to a loop like any other, of one reactor or of
// two.
//
//	a, b := memconn.Pair(ra.Buffers(), rb.Buffers())
//	ra.Attach(a, connA, handlerA, nil)
//	rb.Attach(b, connB, handlerB, nil)
//
// What one end writes in a callback reaches the other as one buffer, without a
// copy and without a lock. The buffer changes its owner, and goes back to the pool
// it came from when the other end has read it. Neither side ever sees memory that
// the other can write to.
//
// At most Slots buffers and about Window bytes can be on their way. What is written
// beyond that waits at the writer's end, counts as pending output of its conn, and
// is handed over when the reader has made room.
//
// # The ring between the ends
//
// A ring of Slots buffers carries what one end writes, with one writer and one
// reader, and one ring the other way. It is not a Go channel: that has a lock, for
// any number of writers and readers, and takes three to six times as long for a
// buffer even if nobody ever waits; nor could it say how many bytes are on their
// way. It is not internal/ringbuf's ring, which takes about twice as long: that one
// grows, so two goroutines that share it need a lock. What waits for room is on one
// loop alone, and there it is that ring.
//
//	go test ./memconn -run '^$' -bench Carrier
//
// shows all three in one run.
//
// # Who calls
//
// The conn that an End is attached to calls its Transport methods, on the conn's
// loop. Each end must be attached, or closed.
package memconn
