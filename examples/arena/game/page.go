package game

// The page in which a person plays: files, names that are signed, and WebSocket, at one port of
// net/http.

import (
	"context"
	"embed"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/packetmq/packetmq/websocket"
)

//go:embed page
var pageFiles embed.FS

// notBuilt is what the page says while there is no client to play with.
const notBuilt = `<!doctype html><meta charset="utf-8"><title>arena</title>
<p>The TypeScript client is not built. Run <code>make ts</code> in the repository, start the arena there, and reload.`

// page serves the page of an arena. Client is the directory of the TypeScript client, which is
// built there.
func (a *arena) page(client string) http.Handler {
	own, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic(err) // the directory is embedded
	}
	files := http.FileServerFS(own)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		if _, err := os.Stat(filepath.Join(client, "dist", "index.js")); err != nil && r.URL.Path == "/" {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(http.StatusServiceUnavailable)
			io.WriteString(w, notBuilt)
			return
		}
		files.ServeHTTP(w, r)
	})
	mux.Handle("GET /client/", modules("/client/", filepath.Join(client, "dist")))
	mux.Handle("GET /msgpack/", modules("/msgpack/", filepath.Join(client, "node_modules/@msgpack/msgpack/dist.esm")))
	mux.HandleFunc("POST /login", a.login)
	mux.Handle("GET /play", websocket.Handler(a.Server, nil))
	return mux
}

// modules serves JavaScript of a directory, with the type that browsers want of modules whatever
// the machine believes of .mjs.
func modules(path, dir string) http.Handler {
	files := http.StripPrefix(path, http.FileServerFS(os.DirFS(dir)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "js") {
			w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		}
		files.ServeHTTP(w, r)
	})
}

// login answers with the token of the name that it is sent. Whoever asks first has the name: a
// real game would want a password.
func (a *arena) login(w http.ResponseWriter, r *http.Request) {
	name, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxName))
	if err != nil || !isName(string(name)) {
		http.Error(w, "a name is of letters and digits, 32 at most", http.StatusBadRequest)
		return
	}
	w.Write(a.key.token(string(name)))
}

// isName reports whether a person may be called so. Names of bots are theirs.
func isName(name string) bool {
	return name != "" && !strings.HasPrefix(name, "bot") && name != "arena" && strings.IndexFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	}) < 0
}

// servePage serves the page at ln until ctx is done.
func (a *arena) servePage(ctx context.Context, ln net.Listener, client string) error {
	srv := &http.Server{Handler: a.page(client), ReadHeaderTimeout: 5 * time.Second}
	defer context.AfterFunc(ctx, func() { srv.Close() })()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
