//go:build packetmq_debug

// Package loopcheck lets the debug build of other packages check what only package
// engine knows, without exported methods of the engine for it. Other builds have
// nothing of it.
package loopcheck

// MustBeHere panics unless it is called on loop, an *engine.Loop; call names what was
// called. Package engine sets it.
var MustBeHere func(loop any, call string)
