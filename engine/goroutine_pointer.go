//go:build amd64 || arm64 || 386 || arm

package engine

// goroutinePointer is where the runtime keeps the calling goroutine: the same as long as
// the goroutine lives, and no other living one's. It is only to be compared. The assembler
// gives the pointer a name, g or TLS, on each platform.
func goroutinePointer() uintptr
