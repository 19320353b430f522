//go:build !packetmq_debug

// Package loopcheck is empty but in the debug build.
package loopcheck
