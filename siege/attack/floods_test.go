package attack

import (
	"testing"

	"github.com/packetmq/packetmq/codec"
)

// The dear payload is within every limit.
func TestPairsAreLegal(t *testing.T) {
	if err := new(codec.Limits).Check(pairs()); err != nil {
		t.Error(err)
	}
}
