package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/packetmq/packetmq/engine"
)

// readLines has line called on the loop with each line of in, and end when
// there are no more.
func readLines(in io.Reader, loop *engine.Reactor, line func(string), end func()) {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		text := strings.TrimSpace(lines.Text())
		if loop.Post(func() { line(text) }) != nil {
			return
		}
	}
	loop.Post(end)
}

// command splits "/kick Bob be nice" into kick and [Bob be nice]; a line that
// is no command has no name.
func command(line string) (name string, args []string) {
	rest, ok := strings.CutPrefix(line, "/")
	if words := strings.Fields(rest); ok && len(words) > 0 {
		return words[0], words[1:]
	}
	return "", nil
}

// screen is where one side prints, on its loop.
type screen struct{ w io.Writer }

// printf prints a line. What others sent may be in it: it cannot move the
// cursor or colour the terminal.
func (s screen) printf(format string, args ...any) {
	printable := func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}
	fmt.Fprintln(s.w, strings.Map(printable, fmt.Sprintf(format, args...)))
}

func (s screen) public(m *PubMsg) {
	at := clock(time.Unix(m.Time, 0))
	switch {
	case m.Kind == Joined:
		s.printf("%s -- %s joined", at, m.From)
	case m.Kind == Left && m.Text == "":
		s.printf("%s -- %s left", at, m.From)
	case m.Kind == Left:
		s.printf("%s -- %s left (%s)", at, m.From, m.Text)
	case m.Kind == Did:
		s.printf("%s * %s %s", at, m.From, m.Text)
	case m.From == "":
		s.printf("%s [server] %s", at, m.Text)
	default:
		s.printf("%s %s: %s", at, m.From, m.Text)
	}
}

func (s screen) answer(a Answer) {
	if a.Fault != "" {
		s.printf("! %s", a.Fault)
	}
	for _, line := range a.Lines {
		s.printf("%s", line)
	}
}

func clock(t time.Time) string { return t.Format("15:04") }
