//go:build !packetmq_debug

package websocket

const debugBuild = false
