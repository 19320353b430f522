//go:build (linux && poll_opt) || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

import "github.com/panjf2000/gnet/v2"

// What gnet has within cannot be reached: sockets do not wait here, nor on Linux with gnet's build tag poll_opt: gnet reads
// them in every round.

func pollSet(gnet.Conn) int { return 0 }

func readBuffer(gnet.Conn) *[]byte { return nil }

func pollFor(set, fd int, input bool) bool { return false }
