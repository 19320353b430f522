package engine

import (
	"slices"
	"testing"
)

// The table of states: which may follow which.
func TestConnStates(t *testing.T) {
	all := []connState{unopened, open, finishing, halfClosed, closed}
	may := map[connState]string{
		unopened:   "open closed",
		open:       "finishing closed",
		finishing:  "half-closed closed",
		halfClosed: "closed",
		closed:     "",
	}
	for _, from := range all {
		got := ""
		for _, to := range all {
			if !from.mayBecome(to) {
				continue
			}
			if got != "" {
				got += " "
			}
			got += to.String()
		}
		if got != may[from] {
			t.Errorf("%v may become %q, want %q", from, got, may[from])
		}
	}
}

func TestConnFlags(t *testing.T) {
	var f connFlags
	f.set(inDirty | endTold)
	f.unset(inDirty)
	if f.has(inDirty) || f.has(inReady) || !f.has(endTold) {
		t.Errorf("the flags are %b, want %b", f, endTold)
	}
}

// Each life of a conn takes the states in the order of the table.
func TestConnLives(t *testing.T) {
	for name, test := range map[string]struct {
		live func(t *testing.T, v *Virtual, c *Conn, p *fakeTransport)
		want []connState
	}{
		"aborted": {func(_ *testing.T, _ *Virtual, c *Conn, _ *fakeTransport) { c.Abort(nil) }, []connState{open, closed}},
		"lost":    {func(_ *testing.T, v *Virtual, c *Conn, p *fakeTransport) { v.r.Post(func() { p.sink.Ended(nil) }) }, []connState{open, closed}},
		"finished": {func(t *testing.T, v *Virtual, c *Conn, p *fakeTransport) {
			c.Finish(1 << 40)
			settle(t, v)
			v.r.Post(func() { p.sink.Ended(nil) })
		}, []connState{open, halfClosed, closed}},
	} {
		t.Run(name, func(t *testing.T) {
			v, p := virtual(t, nil), &fakeTransport{}
			c := attachFake(t, v.r, p, &hooks{})
			settle(t, v)
			states := []connState{c.state}
			test.live(t, v, c, p)
			if c.state != open {
				states = append(states, c.state)
			}
			settle(t, v)
			states = append(states, c.state)
			if !slices.Equal(states, test.want) {
				t.Errorf("states %v, want %v", states, test.want)
			}
		})
	}
}
