//go:build darwin || freebsd || dragonfly || netbsd || openbsd

package engine

import "github.com/panjf2000/gnet/v2"

// What gnet has within is not reached here: sockets do not wait, and gnet reads them in
// every round.

func pollSet(gnet.Conn) int { return 0 }

func readBuffer(gnet.Conn) *[]byte { return nil }

func pollFor(set int, gc gnet.Conn, input bool) bool { return false }
