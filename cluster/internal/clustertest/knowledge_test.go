package clustertest

import (
	"fmt"
	"testing"
)

// failing is a test that notes why it fails.
type failing struct {
	testing.TB
	why string
}

func (f *failing) Helper() {}

func (f *failing) Errorf(format string, args ...any) { f.why = fmt.Sprintf(format, args...) }

// Who comes and goes in turn is no fault; who does so twice in a row is.
func TestPresenceIsInTurn(t *testing.T) {
	for what, test := range map[string]struct {
		do    func(p *Presence)
		here  bool
		wrong bool
	}{
		"nobody":        {func(*Presence) {}, false, false},
		"comes":         {func(p *Presence) { p.Came("ann") }, true, false},
		"and goes":      {func(p *Presence) { p.Came("ann"); p.Went("ann") }, false, false},
		"comes twice":   {func(p *Presence) { p.Came("ann"); p.Came("ann") }, true, true},
		"never came":    {func(p *Presence) { p.Went("ann") }, false, true},
		"another comes": {func(p *Presence) { p.Came("ann"); p.Came("bob") }, true, false},
	} {
		t.Run(what, func(t *testing.T) {
			var p Presence
			test.do(&p)
			if p.Has("ann") != test.here {
				t.Errorf("here: %v", p.Has("ann"))
			}
			f := &failing{TB: t}
			if p.Check(f, "n0"); (f.why != "") != test.wrong {
				t.Errorf("fails with %q", f.why)
			}
		})
	}
}
