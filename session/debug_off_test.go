//go:build !packetmq_debug

package session

const debugBuild = false
