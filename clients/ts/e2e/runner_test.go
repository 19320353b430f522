package e2e

// Where scripts run: in a page of Chromium, or in Node.

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/browsertest"
	"github.com/packetmq/packetmq/internal/leak"
)

// scriptTime is how long a script may take.
const scriptTime = 90 * time.Second

// runner runs the function run of a script of testdata with an address, and returns the JSON of
// what it resolves with.
type runner func(t testing.TB, script, addr string) []byte

// runners are all of them, by name.
var runners = map[string]func(t testing.TB) runner{"Chromium": inChromium, "Node": inNode}

// everywhere runs a script in each runner, with a server of its own, and reads what it has seen
// into a T.
func everywhere[T any](t *testing.T, script string, serve func(t testing.TB) (addr string), check func(t *testing.T, seen T)) {
	for name, start := range runners {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			run := start(t)
			var seen T
			read(t, run(t, script, serve(t)), &seen)
			check(t, seen)
		})
	}
}

// read reads what a script has returned.
func read(t testing.TB, b []byte, seen any) {
	t.Helper()
	if err := json.Unmarshal(b, seen); err != nil {
		t.Fatalf("the script returned %q: %v", b, err)
	}
}

// missing skips a test for want of something, or fails it if the environment says that it has
// to be there.
func missing(t testing.TB, variable, what string) {
	t.Helper()
	if os.Getenv(variable) != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// needDist wants the built client.
func needDist(t testing.TB, variable string) {
	t.Helper()
	for _, path := range []string{"../dist/index.js", "../node_modules/@msgpack/msgpack"} {
		if _, err := os.Stat(path); err != nil {
			missing(t, variable, "the TypeScript client is not built (make ts)")
		}
	}
}

func inNode(t testing.TB) runner {
	t.Helper()
	const variable = "PACKETMQ_NEED_NODE"
	node, err := exec.LookPath("node")
	if err != nil {
		missing(t, variable, "Node is not installed (Debian: apt-get install nodejs npm)")
	}
	needDist(t, variable)
	return func(t testing.TB, script, addr string) []byte {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), scriptTime)
		defer cancel()
		cmd := exec.CommandContext(ctx, node, "testdata/node.mjs", script, addr)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s in Node: %v\n%s%s", script, err, out, errs.Bytes())
		}
		return out
	}
}

// page is what a script in Chromium runs in: it says where the modules are that browsers cannot
// find by themselves.
const page = `<!doctype html><meta charset="utf-8"><title>packetmq</title>
<script type="importmap">{"imports": {"@packetmq/client": "/dist/index.js", "@msgpack/msgpack": "/msgpack/index.mjs"}}</script>`

// files serves the page and the modules.
func files() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, page)
	})
	for path, dir := range map[string]string{"/dist/": "../dist", "/msgpack/": "../node_modules/@msgpack/msgpack/dist.esm", "/testdata/": "testdata"} {
		mux.Handle(path, modules(path, dir))
	}
	return mux
}

// modules serves the files of a directory, with the type that browsers want of modules whatever
// the machine believes of .mjs.
func modules(path, dir string) http.Handler {
	files := http.StripPrefix(path, http.FileServer(http.Dir(dir)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ext := filepath.Ext(r.URL.Path); ext == ".mjs" || ext == ".js" {
			w.Header().Set("Content-Type", "text/javascript")
		}
		files.ServeHTTP(w, r)
	})
}

func inChromium(t testing.TB) runner {
	t.Helper()
	needDist(t, "PACKETMQ_NEED_CHROMIUM")
	hs := httptest.NewServer(files())
	t.Cleanup(hs.Close)
	p := browsertest.Open(t, hs.URL)
	return func(t testing.TB, script, addr string) []byte {
		t.Helper()
		return []byte(p.Run(fmt.Sprintf(`import("/testdata/%s.mjs").then(m => m.run(%q)).then(JSON.stringify)`, script, addr)))
	}
}
