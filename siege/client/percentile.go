package client

import (
	"time"

	"github.com/montanaflynn/stats"
)

// Percentile returns the duration that a share of d, in percent, is below; 0 of
// none.
func Percentile(d []time.Duration, share float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	p, _ := stats.Percentile(stats.LoadRawData(d), share) // it fails only without values
	return time.Duration(p)
}
