//go:build packetmq_debug

package memconn_test

const debugBuild = true
