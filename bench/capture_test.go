package bench

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/packetmq/packetmq/capture"
	"github.com/packetmq/packetmq/internal/leak"
)

func TestServeCapturesWhatEntersItsLoops(t *testing.T) {
	leak.Check(t)
	for _, more := range []string{"--capture-sums=false", "--capture-sums"} {
		name := filepath.Join(t.TempDir(), "bench.pmqcap")
		server := start(t, nil, "serve", "--capture", name, more)
		checkEcho(t, server.address())
		server.cancel()
		server.wantCode(0)
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		r, err := capture.Open(f)
		if err != nil {
			t.Fatal(err)
		}
		kinds := make(map[capture.Kind]int)
		for rec, err := range r.Records() {
			if err != nil {
				t.Fatal(err)
			}
			kinds[rec.Kind]++
		}
		sums := more == "--capture-sums"
		if kinds[capture.Input] == 0 || kinds[capture.Stop] != 1 || (kinds[capture.OutputSum] > 0) != sums || (kinds[capture.Output] > 0) == sums {
			t.Errorf("with %s it captured %v", more, kinds)
		}
	}
}
