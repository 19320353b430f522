//go:build !unix

package main

import (
	"os"

	"github.com/packetmq/packetmq/bench/command"
)

func statusSignals() []os.Signal { return nil }

func leaveSignals() []os.Signal { return nil }

func processCommands() []command.Command { return nil }
