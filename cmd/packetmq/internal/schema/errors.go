package schema

// Error: a place in the source that cannot be followed.

import (
	"fmt"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

// Error is a place in the source that defines what cannot be read, or what no payload can
// carry.
type Error struct {
	Pos  token.Position
	What string
}

// Error is the place, as file:line:column, and what is wrong there.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s", place(e.Pos), e.What) }

// place is pos, with a file in or below the working directory by its relative name.
func place(pos token.Position) string {
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, pos.Filename); err == nil && !strings.HasPrefix(rel, "..") {
			pos.Filename = rel
		}
	}
	return pos.String()
}
