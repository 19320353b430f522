package replay

// Run: builds a test that plays the capture, and runs it.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/tools/go/packages"
)

// Result is what capture.Play has found.
type Result struct {
	Records     int      `json:"records"`
	Conns       int      `json:"conns"`
	Compared    uint64   `json:"compared"` // bytes of output that are the same
	Unnamed     int      `json:"unnamed"`  // posts from outside that were not played
	Differences []string `json:"differences"`
	Err         string   `json:"err,omitempty"` // why it was not played to its end
}

// BuildError is a program that could not be built, or that did not come to an end.
type BuildError struct{ Output string }

func (e *BuildError) Error() string { return "replay: the program did not run:\n" + e.Output }

// ErrFunction is returned for a name that is not that of a function.
var ErrFunction = errors.New("replay: want the name of a function of the package")

const (
	testName = "TestPacketmqReplay"
	testFile = "packetmq_replay_test.go"
	envFile  = "PACKETMQ_REPLAY_FILE"
	envOut   = "PACKETMQ_REPLAY_OUT"
)

// source is the test. %s are the names of the package and of the function.
const source = `package %s

import (
	"encoding/json"
	"log/slog"
	"os"
	"testing"

	packetmqcapture "github.com/packetmq/packetmq/capture"
)

func ` + testName + `(t *testing.T) {
	f, err := os.Open(os.Getenv("` + envFile + `"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	played, err := packetmqcapture.Play(f, %s, logger)
	result := map[string]any{"records": played.Records, "conns": played.Conns, "compared": played.Compared, "unnamed": played.Unnamed}
	differences := []string{}
	for _, d := range played.Differences {
		differences = append(differences, d.String())
	}
	result["differences"] = differences
	if err != nil {
		result["err"] = err.Error()
	}
	b, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(os.Getenv("` + envOut + `"), b, 0o600); err != nil {
		t.Fatal(err)
	}
}
`

// Run plays the capture in a file to what a function of a package makes. The function is
//
//	func(r *engine.Reactor) capture.Program
//
// and may be unexported, and in a package main. The package is named as for the go command. Run
// waits for the go command, and may be called on any goroutine.
func Run(ctx context.Context, file, pattern, function string) (*Result, error) {
	if !token.IsIdentifier(function) {
		return nil, ErrFunction
	}
	file, err := filepath.Abs(file)
	if err == nil {
		_, err = os.Stat(file)
	}
	if err != nil {
		return nil, err
	}
	p, err := find(ctx, pattern)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "packetmq-replay-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	overlay, err := writeOverlay(dir, p, function)
	if err != nil {
		return nil, err
	}
	return run(ctx, pattern, overlay, file, filepath.Join(dir, "result"))
}

// find finds the package.
func find(ctx context.Context, pattern string) (*packages.Package, error) {
	pkgs, err := packages.Load(&packages.Config{Context: ctx, Mode: packages.NeedName | packages.NeedFiles}, pattern)
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	if len(pkgs) != 1 {
		return nil, fmt.Errorf("replay: %s are %d packages, want one", pattern, len(pkgs))
	}
	if p := pkgs[0]; len(p.Errors) > 0 {
		return nil, fmt.Errorf("replay: %w", p.Errors[0])
	} else if len(p.GoFiles) == 0 {
		return nil, fmt.Errorf("replay: %s has no Go files", pattern)
	}
	return pkgs[0], nil
}

// writeOverlay writes the test, and the file by which the go command finds it in the package's
// directory, and the other tests not.
func writeOverlay(dir string, p *packages.Package, function string) (file string, err error) {
	test := filepath.Join(dir, testFile)
	if err := os.WriteFile(test, fmt.Appendf(nil, source, p.Name, function), 0o600); err != nil {
		return "", err
	}
	home := filepath.Dir(p.GoFiles[0])
	others, err := filepath.Glob(filepath.Join(home, "*_test.go"))
	if err != nil {
		return "", err
	}
	replace := make(map[string]string)
	for _, other := range others {
		replace[other] = "" // which leaves it out
	}
	replace[filepath.Join(home, testFile)] = test
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file = filepath.Join(dir, "overlay.json")
	return file, os.WriteFile(file, b, 0o600)
}

// run runs the test and reads what it has found.
func run(ctx context.Context, pattern, overlay, file, out string) (*Result, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-overlay", overlay, "-run", "^"+testName+"$", "-count=1", "-timeout=0", "-vet=off", pattern)
	cmd.Env = append(os.Environ(), envFile+"="+file, envOut+"="+out)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	runErr := cmd.Run()
	b, err := os.ReadFile(out)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &BuildError{strings.TrimSpace(said.String())}
	}
	r := new(Result)
	return r, errors.Join(runErr, json.Unmarshal(b, r))
}
