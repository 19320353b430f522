package bench

import (
	"strings"
	"testing"

	"github.com/packetmq/packetmq/internal/leak"
)

// The command measures readers of a state with some that stall beside them.
func TestStateMeasures(t *testing.T) {
	leak.Check(t)
	out := start(t, nil, "state", "--rounds", "1", "--keys", "50", "--readers", "4", "--stalled", "1", "--window", "300ms").wantCode(0)
	for _, want := range []string{"all read", "1 stall", "by pairs of the same round"} {
		if !strings.Contains(out, want) {
			t.Errorf("the output has no %q:\n%s", want, out)
		}
	}
}

func TestStateNeedsReadersThatRead(t *testing.T) {
	start(t, nil, "state", "--readers", "5", "--stalled", "5").wantCode(2)
}
