//go:build !packetmq_debug

package engine

// The debug build, with the tag packetmq_debug, checks what is cheap to get
// wrong and dear to find. In others nothing of it is left.
const debugBuild = false

func (*Loop) mustBeHere(string) {}

func lend(b []byte) []byte { return b }

func poison([]byte) {}
