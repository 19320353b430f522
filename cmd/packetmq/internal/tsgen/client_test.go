package tsgen_test

// What is generated, with the client that it is for: its compiler and types, and values that go
// from Node to Go and back.

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/cmd/packetmq/internal/tsgen/testdata/shop"
	"github.com/packetmq/packetmq/cmd/packetmq/internal/tsgen/testdata/shop/geo"
	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/state"
	"github.com/packetmq/packetmq/websocket"
)

// project is a directory of TypeScript with what is generated as shop.ts.
type project struct {
	t         *testing.T
	dir       string
	node, tsc string
}

// newProject makes a project, or skips the test where there is no Node, or no file of the
// client's that is needed.
func newProject(t *testing.T, needed string) *project {
	t.Helper()
	client, err := filepath.Abs("../../../../clients/ts")
	if err != nil {
		t.Fatal(err)
	}
	p := &project{t: t, dir: t.TempDir(), tsc: filepath.Join(client, "node_modules/typescript/bin/tsc")}
	missing := t.Skip
	if os.Getenv("PACKETMQ_NEED_NODE") != "" {
		missing = t.Fatal
	}
	if p.node, err = exec.LookPath("node"); err != nil {
		missing("Node is not installed (Debian: apt-get install nodejs npm)")
	}
	for _, file := range []string{p.tsc, filepath.Join(client, needed)} {
		if _, err := os.Stat(file); err != nil {
			missing("the TypeScript client is not built (make ts)")
		}
	}
	p.write("package.json", `{"type": "module"}`)
	p.write("shop.ts", string(generate(t, "./testdata/shop")))
	p.write("tsconfig.json", fmt.Sprintf(`{"compilerOptions": {"target": "ES2022", "module": "NodeNext", "lib": ["ES2022", "DOM"],
		"types": [], "strict": true, "verbatimModuleSyntax": true, "isolatedModules": true, "noUnusedLocals": true,
		"noEmitOnError": true, "paths": {"@packetmq/client": [%q]}}, "include": ["*.ts"]}`, filepath.Join(client, needed)))
	if err := os.MkdirAll(filepath.Join(p.dir, "node_modules/@packetmq"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"@packetmq/client": client, "ws": filepath.Join(client, "node_modules/ws")} {
		if err := os.Symlink(to, filepath.Join(p.dir, "node_modules", name)); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p *project) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o666); err != nil {
		p.t.Fatal(err)
	}
}

// run runs a file of JavaScript and returns what it printed.
func (p *project) run(args ...string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.node, args...)
	cmd.Dir = p.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}

// use is a program that uses what is generated, and takes it for what it is to be.
const use = `
import { Client, type Static } from "@packetmq/client";
import { drop, Kind, PageItem, packets, ShopItem, Tree } from "./shop.js";

export const client = new Client([...packets]);
export const kind: Kind = Kind.Shield;
export const tree: Tree = [[], [[]]];
export function first(page: PageItem): ShopItem | undefined {
  return page.Next?.Items[0] ?? page.Items[0];
}
export function price(item: Static<typeof ShopItem>): bigint {
  return item.Big + item.Lasts + BigInt(item.Price);
}
// @ts-expect-error the name must be a text
export const wrong: ShopItem["name"] = 1;
export const name: string = drop.name;
`

func TestGeneratedTypeChecks(t *testing.T) {
	p := newProject(t, "src/index.ts")
	p.write("use.ts", use)
	p.run(p.tsc, "-p", p.dir, "--noEmit")
}

// talk is a program that sends an item with something in each field, and gets it back.
const talk = `
import assert from "node:assert/strict";
import WebSocket from "ws";
import { call, Client, Mirror } from "@packetmq/client";
import { buy, drop, fill, Kind, packets, pairs, places, Ticks } from "./shop.js";

const at = { X: 1.5, Y: -2 };
const item = {
  ID: 2n ** 64n - 1n, made: new Date("2026-01-02T03:04:05.678Z"), name: "sword", note: "sharp", Kind: Kind.Shield,
  Kinds: Uint8Array.of(0, 2), Price: -7, Big: 2n ** 63n, Any: { deep: [1, "two", null, true] }, Raw: Uint8Array.of(0x93, 1, 2, 3),
  Lasts: 90_000_000_000n, Data: Uint8Array.of(1, 2, 3), Hash: Uint8Array.of(1, 2, 3, 4), Tags: ["a", "é"], Triple: [1, 0.5, -0.25],
  ByName: { here: at, nowhere: null }, ByNumber: new Map([[1, true], [65535, false]]), ByKind: { n: 1, s: -2 }, Parent: null,
  Owner: "ada", From: Uint8Array.of(127, 0, 0, 1), Inner: { "a-b": -128 }, Heat: 36.6, At: Ticks.Never, Lies: { At: at }, Sold: { From: at, To: { X: 0, Y: 9 }, empty: true },
  Root: [[], [[]]], Maybes: [1, null, -3], FailedAs: "it broke",
};
const child = { ...item, name: "child", Parent: item };

const client = new Client([...packets], { WebSocket });
const mirror = new Mirror(client, places);
const next = (packet) => new Promise((resolve) => client.handle(packet, resolve));
await client.connect(process.argv[2]);

let back = next(drop);
client.send(drop, child);
assert.deepEqual(await back, child);

const { note, ...without } = item;
back = next(drop);
client.send(drop, without);
assert.equal((await back).note, "");

back = next(pairs);
const pair = { Left: { Left: null, Right: null, Value: 1 }, Right: null, Value: 2 };
client.send(pairs, pair);
assert.deepEqual(await back, pair);

const page = await call(client, buy, item);
assert.deepEqual(page.Items, [item]);
assert.deepEqual(page.Next.Items, []);
const error = await call(client, buy, { ...item, name: "all" }).catch((err) => err);
assert.ok(fill.is(error), String(error));
assert.equal(fill.dataOf(error).Most, 3);

while (mirror.values.get(2n ** 64n - 5n)?.X !== 1.5) await new Promise((resolve) => setTimeout(resolve, 5));
client.close();
console.log("all is well");
process.exit(0);
`

func TestGeneratedTalksToGo(t *testing.T) {
	p := newProject(t, "dist/index.d.ts")
	leak.Check(t)
	p.run(p.tsc, "-p", p.dir)
	p.write("talk.mjs", talk)
	items := make(chan *shop.Item, 2)
	if out := p.run("talk.mjs", serve(t, items)); out != "all is well\n" {
		t.Fatalf("it said %q", out)
	}
	got := await.Value(t, "the item", items)
	want := wanted()
	child := *want
	child.Name, child.Parent = "child", want
	// An error that was decoded is another value, with the same text.
	for _, i := range []*shop.Item{got, got.Parent} {
		if i.FailedAs == nil || i.FailedAs.Error() != "it broke" || !i.Made.Equal(want.Made) {
			t.Errorf("failed as %v, made at %v", i.FailedAs, i.Made)
		}
		i.FailedAs, i.Made = want.FailedAs, want.Made
	}
	if !reflect.DeepEqual(got, &child) {
		t.Errorf("Go got\n%+v\n%+v\nwant\n%+v", got, got.Parent, &child)
	}
}

// wanted is the item of talk, as Go has it.
func wanted() *shop.Item {
	owner, one, three := "ada", 1, -3
	ref := &owner
	point := geo.Point{X: 1.5, Y: -2}
	i := &shop.Item{
		Base: shop.Base{ID: 1<<64 - 1, Made: time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)},
		Name: "sword", Note: "sharp", Kind: shop.KindShield, Kinds: []shop.Kind{0, 2}, Price: -7, Big: 1 << 63,
		Any: map[string]any{"deep": []any{int64(1), "two", nil, true}}, Raw: codec.Raw{0x93, 1, 2, 3}, Lasts: 90 * time.Second,
		Data: []byte{1, 2, 3}, Hash: [4]byte{1, 2, 3, 4}, Tags: []string{"a", "é"}, Triple: [3]float32{1, 0.5, -0.25},
		ByName: map[string]*geo.Point{"here": &point, "nowhere": nil}, ByNumber: map[uint16]bool{1: true, 65535: false},
		ByKind: map[geo.Heading]int{"n": 1, "s": -2}, Owner: &ref, From: netip.MustParseAddr("127.0.0.1"), Heat: 36.6, At: shop.Never,
		Lies: geo.Item{At: point}, Sold: geo.Area{From: point, To: geo.Point{Y: 9}, Empty: true}, Root: shop.Tree{{}, {{}}}, Maybes: []*int{&one, nil, &three}, FailedAs: errors.New("it broke"),
	}
	i.Inner.A = -128
	return i
}

// serve runs a server that sends back what it gets, and returns where.
func serve(t *testing.T, items chan<- *shop.Item) (addr string) {
	t.Helper()
	reg := registry.New()
	reg.MustAdd(shop.Definitions()...)
	if err := shop.Setup(reg); err != nil {
		t.Fatal(err)
	}
	call.AddErrors(reg, shop.Fill)
	var places *state.State[shop.Pos]
	srv := peer.NewServer(reg, &peer.Config{Events: peer.Events{OnMade: func(c *peer.Conn) { places.Join(c) }}})
	t.Cleanup(func() { srv.Close() })
	if err := websocket.Enable(srv, nil); err != nil {
		t.Fatal(err)
	}
	peer.Handle(srv, shop.Drop, func(c *peer.Conn, i *shop.Item) error {
		items <- i
		return peer.Reply(c, shop.Drop, i)
	})
	peer.Handle(srv, shop.Pairs, func(c *peer.Conn, v *shop.Pair) error { return peer.Reply(c, shop.Pairs, v) })
	call.Handle(srv, shop.Buy, func(_ *call.Context, i *shop.Item) (*shop.Page[shop.Item], error) {
		if i.Name == "all" {
			return nil, shop.Fill.With(shop.Full{Most: 3})
		}
		return &shop.Page[shop.Item]{Items: []shop.Item{*i}, Next: &shop.Page[shop.Item]{Items: []shop.Item{}}}, nil
	})
	places = state.NewFor(srv, shop.Places)
	if err := places.Set(&shop.Pos{ID: -5, X: 1.5}); err != nil {
		t.Fatal(err)
	}
	if err := srv.RunAsync(); err != nil {
		t.Fatal(err)
	}
	ln, err := srv.Listen("ws://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return "ws://" + ln.Addr().String() + "/"
}
