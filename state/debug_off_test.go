//go:build !packetmq_debug

package state

const debugBuild = false
