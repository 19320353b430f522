//go:build !unix

package main

import "os"

func statusSignals() []os.Signal { return nil }

func processCommands() []command { return nil }
