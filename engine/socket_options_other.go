//go:build !(linux || darwin || freebsd || dragonfly || netbsd || openbsd)

package engine

func reusePort(uintptr) error { return ErrPlatform }

func setBuffers(uintptr, int, int) error { return nil }

func lockDir(string) (unlock func()) { return func() {} }
