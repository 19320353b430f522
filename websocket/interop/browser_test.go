package interop

// Chromium as the other side.

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/internal/browsertest"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/websocket"
)

// blank serves an empty page, and h at /game if it is not nil.
func blank(t *testing.T, h http.Handler) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Type", "text/html") })
	if h != nil {
		mux.Handle("/game", h)
	}
	hs := httptest.NewServer(mux)
	t.Cleanup(hs.Close)
	return hs
}

// echo has a page do the handshake, send packets, and compare what comes back. It brings "ok"
// and the close code and reason.
const echo = `new Promise(resolve => {
	const bytes = hex => Uint8Array.from(hex.match(/../g).map(x => parseInt(x, 16)));
	const shake = bytes("%s"), packet = bytes("%s"), count = %d;
	const ws = new WebSocket("%s", ["packetmq.1", "token.from-a-page"]);
	ws.binaryType = "arraybuffer";
	let got = [], size = 0, wrong = "", finished = false, echoed = 0;
	const whole = () => {
		const all = new Uint8Array(size);
		let at = 0;
		for (const b of got) { all.set(b, at); at += b.length; }
		got = [all];
		return all;
	};
	ws.onopen = () => {
		if (ws.protocol !== "packetmq.1") wrong = "protocol " + ws.protocol;
		ws.send(shake.slice(0, 10));
		ws.send(shake.slice(10));
		for (let i = 0; i < count; i++) ws.send(packet);
	};
	ws.onmessage = e => {
		got.push(new Uint8Array(e.data));
		size += e.data.byteLength;
		const all = whole();
		let at = 0;
		for (;;) {
			if (all.length - at < 6) break;
			const n = new DataView(all.buffer, all.byteOffset + at).getUint32(0), id = all[at + 4] << 8 | all[at + 5];
			if (all.length - at < 4 + n) break;
			if (id === 40) {
				for (let i = 0; i < packet.length; i++) if (all[at + i] !== packet[i]) wrong = "echo " + echoed;
				echoed++;
			}
			at += 4 + n;
		}
		got = [all.slice(at)];
		size = all.length - at;
		if (echoed === count && !finished) { finished = true; ws.send(bytes("%s")); }
	};
	ws.onclose = e => resolve([wrong || echoed, e.code, e.reason, e.wasClean].join(" "));
})`

// script fills echo in. Last is the frame with which the page ends the conversation.
func script(t *testing.T, url string, count int, last []byte) string {
	t.Helper()
	shake := codec.AppendFrame(nil, 0, []byte("\x81\xa7version\x01"))
	shake = codec.AppendFrame(shake, 2, []byte("\x82\xa5adapt\xc3\xa5idmap\x85"+
		"\xb7packetmq:handshake_init\x00\xb1packetmq:softquit\x01\xb9packetmq:handshake_pubids\x02\xb9packetmq:handshake_finish\x03\xa9test:note\x28"))
	shake = codec.AppendFrame(shake, 3, []byte("\xc0"))
	var m codec.Msgpack
	payload, err := m.Append(nil, &note{7, []byte(strings.Repeat("from a page ", 10))})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(echo, hex.EncodeToString(shake), hex.EncodeToString(codec.AppendFrame(nil, noteID, payload)), count, url, hex.EncodeToString(last))
}

var (
	bye = codec.AppendFrame(nil, 1, []byte("\x81\xa6reason\xaareason.bye"))
	bad = codec.AppendFrame(nil, noteID, []byte("\xc1"))
)

func TestChromium(t *testing.T) {
	tokens := make(chan string, 100)
	setUp := func(c *peer.Config) {
		c.Authenticate = func(_ *peer.Conn, cred peer.Credentials) error { tokens <- string(cred.Token); return nil }
	}
	cfg := &websocket.Config{Origins: []string{"*"}}
	srv, s, addr := serve(t, "any", cfg, setUp)
	hs := blank(t, websocket.Handler(srv, nil))
	p := browsertest.Open(t, hs.URL)
	for _, test := range []struct {
		name, url string
		last      []byte
		want      string
		reason    error
	}{
		{"a softquit of the page's", "ws://" + addr + "/", bye, "10000 1000 reason.bye true", peer.Reason("reason.bye")},
		{"a bad payload", "ws://" + addr + "/", bad, "10000 1007 reason.payload true", peer.ReasonPayload},
		{"at net/http", "ws" + strings.TrimPrefix(hs.URL, "http") + "/game", bye, "10000 1000 reason.bye true", peer.Reason("reason.bye")},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := p.Run(script(t, test.url, 10000, test.last)); got != test.want {
				t.Errorf("the page says %q, want %q", got, test.want)
			}
			if got := next(t, "token", tokens); got != "from-a-page" {
				t.Errorf("the token is %q", got)
			}
			reason := next(t, "end", s.lost)
			if !errors.Is(reason, test.reason) {
				t.Errorf("OnLost was told %v, want %v", reason, test.reason)
			}
		})
	}
}

// A page of another origin is refused by default.
func TestChromiumOfAnotherOrigin(t *testing.T) {
	_, _, addr := serve(t, "ws", nil, nil)
	p := browsertest.Open(t, blank(t, nil).URL)
	if got := p.Run(script(t, "ws://"+addr+"/", 1, bye)); got != "0 1006  false" {
		t.Errorf("the page says %q", got)
	}
}
