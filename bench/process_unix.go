//go:build unix

package main

import (
	"os"
	"syscall"
)

// statusSignals make a server tell what it holds.
func statusSignals() []os.Signal { return []os.Signal{syscall.SIGUSR1} }

// processCommands are those that need signals and /proc.
func processCommands() []command {
	return []command{
		{"siege", "attack a server from outside, promise by promise", siegeCommand},
		{"soak", "connect, talk and vanish for long, and see what it leaves", soakCommand},
	}
}
