package browser

// A picture of the console of a busy server, for the documents.

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/packetmq/packetmq/peer"
)

var picture = flag.String("picture", "", "write a picture of the console to this file")

func TestPicture(t *testing.T) {
	if *picture == "" {
		t.Skip("there is no -picture")
	}
	w := newWorld(t, operator())
	var conns []*peer.Conn
	for range 40 {
		conns = append(conns, w.client("1.4.2"))
	}
	p := w.open()
	p.Click(`#conns [data-sort="in"]`)
	for range 20 {
		for n, c := range conns {
			for range 1 + n%7 {
				w.login(c, fmt.Sprint("player ", n))
			}
		}
	}
	p.Wait("figures", `document.querySelectorAll("#conns tbody tr").length === 40 && !document.querySelector("#figures").textContent.includes("–")`)
	if err := os.WriteFile(*picture, p.Screenshot(), 0o644); err != nil {
		t.Fatal(err)
	}
}
