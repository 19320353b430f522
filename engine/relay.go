package engine

// Input of some conns that comes over another one: a multiplexer, or a broker's conn.

// Relay says that the callback under way has brought input for other conns of this loop, whose
// transports it has woken by Sink.Wake(nil). They have their shares of it at the end of this callback, bounded
// as in a turn, and not in the next turn, which would cost a wake-up. What is left when those bounds
// are reached is for that turn. On the loop only.
func (l *Loop) Relay() {
	l.mustBeHere("Loop.Relay")
	l.ready.relayed = true
}
