package game

// Where the nodes on this machine are: a file for each, which its user alone can read.

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// nodesVar is the variable of the environment that has the directory, if it is not the usual
// one.
const nodesVar = "ARENA_NODES"

// nodeFile is what a node tells of itself.
type nodeFile struct {
	Name  string
	Addr  string // for players
	Route string // for other nodes
	Key   key    // of the arena, which makes nodes a cluster
}

func nodesDir() (string, error) {
	if dir := os.Getenv(nodesVar); dir != "" {
		return dir, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "packetmq-arena"), nil
}

// write writes the file, which is whole at each time.
func (f *nodeFile) write() error {
	dir, err := nodesDir()
	if err != nil {
		return err
	}
	b, err := json.Marshal(f)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, f.Name+".json")
	next := path + ".next"
	return errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(next, b, 0o600), os.Rename(next, path))
}

// remove removes the file.
func (f *nodeFile) remove() {
	if dir, err := nodesDir(); err == nil {
		os.Remove(filepath.Join(dir, f.Name+".json"))
	}
}

// readNode reads the file of a node.
func readNode(name string) (f nodeFile, err error) {
	dir, err := nodesDir()
	if err != nil {
		return f, err
	}
	b, err := os.ReadFile(filepath.Join(dir, name+".json"))
	if err == nil {
		err = json.Unmarshal(b, &f)
	}
	if err != nil {
		return f, fmt.Errorf("there is no node %s on this machine: %w", name, err)
	}
	return f, nil
}

// nodeFiles are those of all nodes of an arena, also of nodes that are gone without a word.
func nodeFiles(k key) (list []nodeFile) {
	dir, err := nodesDir()
	if err != nil {
		return nil
	}
	paths, _ := filepath.Glob(filepath.Join(dir, "*.json"))
	for _, path := range paths {
		var f nodeFile
		if b, err := os.ReadFile(path); err == nil && json.Unmarshal(b, &f) == nil && string(f.Key) == string(k) {
			list = append(list, f)
		}
	}
	return list
}

// isNodeName reports whether a node may be called so, or not at all: its name is in those of its
// bots, and of a file.
func isNodeName(name string) bool {
	return len(name) <= 16 && strings.IndexFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	}) < 0
}
