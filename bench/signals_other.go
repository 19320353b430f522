//go:build !unix

package bench

import "os"

func statusSignals() []os.Signal { return nil }

func leaveSignals() []os.Signal { return nil }
