package e2e

import (
	"bufio"
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/internal/browsertest"
	"github.com/packetmq/packetmq/internal/leak"
)

var picture = flag.String("picture", "", "write a picture of the arena's page to this file")

// startArena starts the command of examples/arena with some bots in a room and a page, and
// returns the page's address.
func startArena(t *testing.T) (url string) {
	t.Helper()
	needDist(t, "PACKETMQ_NEED_CHROMIUM")
	client, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "arena")
	build := exec.Command("go", "build", "-o", program, "./examples/arena")
	build.Dir = "../../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "-bots", "17", "-rooms", "1", "-web", "127.0.0.1:0", "-client", client)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // so that it ends its bots
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	ended := make(chan struct{})
	t.Cleanup(func() {
		stop()
		<-ended
		cmd.Wait()
	})
	for url == "" && lines.Scan() {
		_, url, _ = strings.Cut(lines.Text(), "play at ")
	}
	go func() {
		defer close(ended)
		for lines.Scan() { // else it would wait for a reader
		}
	}()
	if url == "" {
		t.Fatal("the arena does not say where its page is")
	}
	return url
}

// A person opens the arena's page, sees bots move, walks, talks, and comes back when the conn
// is lost.
func TestArenaPage(t *testing.T) {
	leak.Check(t)
	p := browsertest.Open(t, startArena(t)+"?name=ann&room=room0")
	p.Wait("players", `arena.mirror.values.size === 18 && arena.room.own !== undefined`)
	p.Run(`globalThis.places = () => [...arena.mirror.values.values()].map(p => p.x + "," + p.y).join(" "); globalThis.before = places(); ""`)
	p.Wait("bots that move", `places() !== before`)
	p.Run(`globalThis.own = () => arena.mirror.values.get(arena.room.own).x; globalThis.from = own(); dispatchEvent(new KeyboardEvent("keydown", {code: "ArrowRight"})); ""`)
	p.Wait("the player that walks", `own() >= from + 100`)
	p.Run(`dispatchEvent(new KeyboardEvent("keyup", {code: "ArrowRight"})); ""`)
	p.Type("#text", "hello from a browser\r")
	p.Wait("the line", `document.querySelector("#chat").textContent.includes("ann hello from a browser")`)
	p.Type("#text", "/w zoe where are you?\r")
	p.Wait("the error", `document.querySelector("#chat").textContent.includes("there is no zoe here")`)
	p.Type("#text", "/w ann a note to myself\r")
	p.Wait("the private line", `document.querySelector("#chat .private").textContent.includes("a note to myself")`)
	p.Run(`globalThis.old = arena.client.conn; old.gone(new Error("cut")); ""`)
	p.Wait("the conn after the one that was cut", `arena.client.conn && arena.client.conn !== old && arena.session.conn && arena.mirror.synced`)
	p.Type("#text", "back again\r")
	p.Wait("the second line", `document.querySelector("#chat").textContent.includes("ann back again")`)
	if *picture != "" {
		if err := os.WriteFile(*picture, p.Screenshot(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
