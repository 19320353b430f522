//go:build !packetmq_debug

package engine

// What the debug build checks, and other builds do not.

// The debug build, with the tag packetmq_debug, checks what is cheap to get
// wrong and dear to find. In others nothing of it is left.
const debugBuild = false

func (*Loop) mustBeHere(string) {}

func lend(b []byte) []byte { return b }

func poison([]byte) {}
