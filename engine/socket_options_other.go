//go:build !(linux || darwin || freebsd || dragonfly || netbsd || openbsd)

package engine

// Socket options where the engine does not run.

func reusePort(uintptr) error { return ErrPlatform }

func setBuffers(uintptr, int, int) error { return nil }
