//go:build unix

package main

import (
	"os"
	"syscall"

	"github.com/packetmq/packetmq/bench/command"
)

// statusSignals make a server tell what it holds.
func statusSignals() []os.Signal { return []os.Signal{syscall.SIGUSR1} }

// leaveSignals make a server's members leave.
func leaveSignals() []os.Signal { return []os.Signal{syscall.SIGUSR2} }

// processCommands are those that need signals and /proc.
func processCommands() []command.Command {
	return []command.Command{
		{Name: "siege", About: "attack a server from outside, promise by promise", Run: siegeCommand},
		{Name: "soak", About: "connect, talk and vanish for long, and see what it leaves", Run: soakCommand},
	}
}
