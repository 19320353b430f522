//go:build !packetmq_debug

package room

const debugBuild = false
