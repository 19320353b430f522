package peer

import (
	"testing"

	"github.com/packetmq/packetmq/engine"
)

func TestAddresses(t *testing.T) {
	p := newPeer(newSide(false, 17, 18).reg, nil)
	defer p.Close()
	open := func(_ *SchemeConn, inner engine.Transport) engine.Transport { return inner }
	for _, s := range []Scheme{{Name: "web", Port: "80", Open: open}, {Name: "webs", TLS: true, Open: open}} {
		if err := p.addScheme(s); err != nil {
			t.Fatal(err)
		}
	}
	type want struct {
		network, place string
		tls, any       bool
		scheme         string
	}
	for _, test := range []struct {
		in              string
		listen, connect want // the zero value: refused
	}{
		{"127.0.0.1:80", want{"tcp", "127.0.0.1:80", false, false, ""}, want{"tcp", "127.0.0.1:80", false, false, ""}},
		{":80", want{"tcp", ":80", false, false, ""}, want{"tcp", ":80", false, false, ""}},
		{"tcp://h:1", want{"tcp", "h:1", false, false, ""}, want{"tcp", "h:1", false, false, ""}},
		{"tcp4://h:1", want{"tcp4", "h:1", false, false, ""}, want{"tcp4", "h:1", false, false, ""}},
		{"tcp6://[::1]:1", want{"tcp6", "[::1]:1", false, false, ""}, want{"tcp6", "[::1]:1", false, false, ""}},
		{"unix:///tmp/s", want{"unix", "/tmp/s", false, false, ""}, want{"unix", "/tmp/s", false, false, ""}},
		{"tls://h:1", want{"tcp", "h:1", true, false, ""}, want{"tcp", "h:1", true, false, ""}},
		{"any://h:1", want{"tcp", "h:1", false, true, ""}, want{}},
		{"web://h:1", want{"tcp", "h:1", false, false, "web"}, want{"tcp", "h:1", false, false, "web"}},
		{"web://h:1/path?q=/", want{"tcp", "h:1/path?q=/", false, false, "web"}, want{"tcp", "h:1", false, false, "web"}},
		{"web://h?q", want{"tcp", "h?q", false, false, "web"}, want{"tcp", "h:80", false, false, "web"}},
		{"web://[::1]/", want{"tcp", "[::1]/", false, false, "web"}, want{"tcp", "[::1]:80", false, false, "web"}},
		{"webs://h:1", want{"tcp", "h:1", true, false, "webs"}, want{"tcp", "h:1", true, false, "webs"}},
		{"web:///path", want{"tcp", "/path", false, false, "web"}, want{}},
		{"", want{}, want{}}, {"tcp://", want{}, want{}}, {"udp://h:1", want{}, want{}}, {"://x", want{}, want{}}, {"web://", want{}, want{}},
	} {
		for name, c := range map[string]struct {
			parse func(string) (address, error)
			want  want
		}{"listen": {p.parseListen, test.listen}, "connect": {p.parseConnect, test.connect}} {
			a, err := c.parse(test.in)
			got := want{a.network, a.place, a.tls, a.any, ""}
			if a.scheme != nil {
				got.scheme = a.scheme.Name
			}
			if got != c.want || (err != nil) != (c.want == want{}) {
				t.Errorf("%s at %q: got %v, %v, want %v", name, test.in, got, err, c.want)
			}
		}
	}
}
