package browser

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/packetmq/packetmq/inspect"
	"github.com/packetmq/packetmq/peer"
)

// rows is the text of the rows of a table, and column that of one column of the conns.
const (
	rows   = `[...document.querySelectorAll("#%s tbody tr")].map(r => [...r.cells].map(c => c.textContent).join(" | ")).join("\n")`
	column = `[...document.querySelectorAll("#conns tbody tr")].map(r => r.cells[[...document.querySelectorAll("#conns th")].findIndex(h => h.textContent === %q)].textContent).join(",")`
)

func TestFiguresAreLive(t *testing.T) {
	w := newWorld(t, operator())
	c := w.client("1.4.2")
	p := w.open()
	for _, want := range []struct{ what, column, cell string }{
		{"number", "conn", "1"}, {"address", "remote", c.LocalAddr().String()}, {"transport", "transport", "tcp"},
		{"state", "state", "active"}, {"version", "version", "1.4.2"}, {"rooms", "rooms", "lobby, room 1"},
		{"session", "session", "session 1"}, {"what waits out", "pending out", "0 B"}, {"what waits in", "pending in", "0 B"},
		{"dropped packets", "dropped", "0"},
	} {
		p.Wait(want.what, fmt.Sprintf(column+" === %q", want.column, want.cell))
	}
	for _, name := range []string{"age", "RTT"} {
		p.Wait(name, fmt.Sprintf("/[0-9]/.test("+column+")", name))
	}
	w.login(c, "ann")
	w.login(c, "bob")
	p.Wait("packets in", fmt.Sprintf(column+`.startsWith("2 / ")`, "in"))
	p.Wait("packets by type", fmt.Sprintf(rows+`.includes("arena:login | 2 / ")`, "packets"))
	p.Wait("the handler's time", fmt.Sprintf(`/arena:login .* [µn]s \| .* [µnm]s \|/.test(`+rows+`)`, "packets"))
	p.Wait("a busy loop", fmt.Sprintf(`/^0 \| [0-9]+ %% \| [0-9.]+ .?s \|/.test(`+rows+`)`, "loops"))
	p.Wait("limits", fmt.Sprintf(rows+`.length > 0 && document.querySelector("#limits meter")`, "limits"))
	c.Softquit(peer.Reason("reason.bye"))
	next(t, "end", w.ends)
	p.Wait("the reason", fmt.Sprintf(rows+`.includes(" | 1")`, "ends"))
	p.Wait("a table without conns", fmt.Sprintf(rows+` === ""`, "conns"))
}

// A node that keeps durable packets shows what became of them.
func TestDurablePacketsAreShown(t *testing.T) {
	w := newWorld(t, inspect.Config{Cluster: func() *inspect.Cluster {
		return &inspect.Cluster{Node: "eu-1", Nodes: []inspect.Node{}, Durable: &inspect.Durable{Why: "no <store>", Waiting: 7, Dropped: 9}}
	}})
	w.open().Wait("durable packets", `(text => text.startsWith("durable packets (no <store>): 7 wait ·") && text.endsWith("9 dropped · the store was lost 0 times"))(document.querySelector("#durable-facts").textContent)`)
}

// A node of a cluster shows the others; a peer that is in none shows no table of them.
func TestNodesAreShown(t *testing.T) {
	w := newWorld(t, inspect.Config{})
	w.open().Wait("no table of nodes", `document.querySelector("#cluster").hidden && document.querySelector("#state").textContent === "live"`)
	w = newWorld(t, inspect.Config{Cluster: func() *inspect.Cluster {
		return &inspect.Cluster{Node: "eu-1", Users: 12, Nodes: []inspect.Node{{Node: "<b>eu-2", Up: true, RTT: .0005, Users: 3, PendingOut: 2048}, {Node: "eu-3"}}}
	}})
	p := w.open()
	p.Wait("this node", `document.querySelector("#cluster-facts").textContent.startsWith("this one is eu-1 · 12 users")`)
	p.Wait("a node", fmt.Sprintf(rows+`.startsWith("<b>eu-2 | up | – | 500 µs | 3 | 0 B | 2.0 KiB |")`, "nodes"))
	p.Wait("nothing of durable packets", `document.querySelector("#durable-facts").hidden`)
	p.Wait("another one", fmt.Sprintf(rows+`.includes("eu-3 | no conn |")`, "nodes"))
}

func TestSortAndFilter(t *testing.T) {
	w := newWorld(t, inspect.Config{})
	for n, version := range []string{"old", "new", "old"} {
		c := w.client(version)
		for range n + 1 {
			w.login(c, "ann")
		}
	}
	p := w.open()
	p.Click(`#conns [data-sort="in"]`)
	p.Wait("most packets first", fmt.Sprintf(column+` === "3,2,1"`, "conn"))
	p.Wait("the sorted column", `document.querySelector("#conns th[aria-sort=descending]").textContent === "in"`)
	p.Click(`#conns [data-sort="in"]`)
	p.Wait("fewest packets first", fmt.Sprintf(column+` === "1,2,3"`, "conn"))
	p.Run(`document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "/", bubbles: true })); ""`)
	p.Wait("the filter in focus", `document.activeElement.id === "filter"`)
	p.Type("#filter", "NEW")
	p.Wait("the conn of the new program", fmt.Sprintf(column+` === "2"`, "conn"))
	p.Wait("no actions where nobody is an operator", `document.querySelector("#level-label").hidden`)
}

func TestConnsAreEndedAndTraced(t *testing.T) {
	refused := errors.New("not you")
	cfg := operator()
	var allowed atomic.Bool
	cfg.Authorise = func(r *http.Request) error {
		if !allowed.Load() && r.URL.Query().Get("action") == "end" {
			return refused
		}
		return nil
	}
	w := newWorld(t, cfg)
	c := w.client("1")
	other := w.client("2")
	p := w.open()
	p.Click(`tr[data-conn="1"]`)
	p.Wait("one conn alone", fmt.Sprintf(column+` === "1"`, "conn"))
	w.login(c, "ann")
	p.Wait("its packets", fmt.Sprintf(rows+`.includes("arena:login | 1 / ")`, "detail-packets"))

	p.Click("#trace-start")
	w.loginTraced(p, c, "bob")
	p.Wait("the value, without what is secret", `document.querySelector("#trace").textContent.includes("bob") && !document.body.textContent.includes("swordfish")`)
	p.Wait("both directions", `/← arena:login .*\n.*→ arena:hello/.test(document.querySelector("#trace").textContent)`)
	p.Click("#trace-stop")

	p.Type("#reason", "reason.cheating")
	p.Click("#end")
	p.Wait("the refusal", `document.querySelector("#failed").textContent !== ""`)
	select {
	case err := <-w.ends:
		t.Fatalf("a conn ended without leave: %v", err)
	default:
	}
	allowed.Store(true)
	p.Click("#end")
	if err := next(t, "end", w.ends); !errors.Is(err, peer.Reason("reason.cheating")) {
		t.Errorf("the conn ended with %v", err)
	}
	p.Wait("the conn's end", `document.querySelector("#detail-title").textContent === "conn 1 has ended"`)
	p.Click("#detail-close")
	p.Wait("the other conn", fmt.Sprintf(column+` === "2"`, "conn"))
	w.login(other, "eve")
}

func TestLogLevelIsSet(t *testing.T) {
	w := newWorld(t, operator())
	p := w.open()
	p.Wait("the level", `document.querySelector("#level").value === "INFO"`)
	p.Run(`const l = document.querySelector("#level"); l.value = "DEBUG"; l.dispatchEvent(new Event("change")); ""`)
	p.Wait("an answer", `document.querySelector("#failed").textContent === ""`)
	for w.cfg.Level.Level() != slog.LevelDebug {
		p.Run(`new Promise(r => setTimeout(() => r(""), 10))`)
	}
}

// What a remote chooses is text, whatever it looks like.
func TestNothingOfRemotesIsMarkup(t *testing.T) {
	cfg := operator()
	cfg.Session = func(*peer.Conn) string { return `<b onclick="x()">` }
	w := newWorld(t, cfg)
	const version = `<img src=x onerror="document.title='run'">`
	c := w.client(version)
	p := w.open()
	p.Wait("the version as text", fmt.Sprintf(column+" === %q", "version", version))
	p.Click(`tr[data-conn="1"]`)
	p.Wait("details", `!document.querySelector("#detail").hidden`)
	p.Click("#trace-start")
	w.loginTraced(p, c, version)
	if got := p.Run(`document.title + document.querySelectorAll("img, td b, td *:not(meter)").length`); got != "packetmq0" {
		t.Errorf("the page has become %q", got)
	}
}

// The page comes back by itself when its server does.
func TestPageOutlivesItsServer(t *testing.T) {
	w := newWorld(t, inspect.Config{})
	p := w.open()
	addr := w.hs.Listener.Addr().String()
	w.hs.CloseClientConnections()
	w.hs.Listener.Close()
	p.Wait("a page that says so", `document.querySelector("#state.gone")`)
	again := httptest.NewUnstartedServer(inspect.Handler(w.srv, w.cfg))
	again.Listener.Close()
	again.Listener = listen(t, addr)
	again.Start()
	t.Cleanup(again.Close)
	t.Cleanup(again.CloseClientConnections)
	p.Wait("a live page", `document.querySelector("#state.live")`)
	w.client("3")
	p.Wait("new figures", fmt.Sprintf(column+` === "3"`, "version"))
}
