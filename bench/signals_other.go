//go:build !unix

package main

import "os"

func statusSignals() []os.Signal { return nil }

func leaveSignals() []os.Signal { return nil }
