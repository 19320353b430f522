//go:build !packetmq_debug

package bufpool

const debugBuild = false

// ledger keeps no books.
type ledger struct{}

func (*ledger) get() *Buffer { return nil }
func (*ledger) put(*Buffer)  {}
