//go:build packetmq_debug

package inspect

const debugBuild = true
