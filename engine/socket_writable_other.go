//go:build !linux

package engine

// Without epoll the loop looks at sockets with a backlog from time to time.

// writable is for Linux alone: elsewhere gnet has a piece of what waits, and the loop
// looks every 5 ms whether that has gone.
type writable struct{}

func (*writable) add(int, *Conn) bool { return false }
func (*writable) remove(int)          {}
func (*writable) close()              {}
