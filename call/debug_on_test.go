//go:build packetmq_debug

package call

const debugBuild = true
