package registry

// Print: an object that prints the packets it receives.

import (
	"fmt"
	"io"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Print is a packet object that prints the packets it receives: one line with
// the sender's id, the name and the value. Register a pointer to it. Its
// methods may be called from several goroutines at once; its fields must not
// change once it is registered.
type Print struct {
	Name string    // printed with each packet in place of the packet's name
	W    io.Writer // nil means os.Stdout; gets one Write per packet

	mu sync.Mutex // held while writing
}

// OnReceive prints v, as %v does, in quotes when it would break the line or
// upset a terminal. It returns the writer's error.
func (p *Print) OnReceive(from Conn, t *Type, v any) error {
	name := p.Name
	if name == "" {
		name = t.Name()
	}
	line := fmt.Sprintf("conn %d: %s %s\n", from.ID(), name, text(v))
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.W
	if w == nil {
		w = os.Stdout
	}
	_, err := io.WriteString(w, line)
	return err
}

// text is a value on one line. The value comes from a stranger.
func text(v any) string {
	s := fmt.Sprint(pointee(v))
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

// pointee is what v points to, as the address says nothing; typed packets
// arrive as pointers.
func pointee(v any) any {
	if _, ok := v.(fmt.Stringer); ok {
		return v
	}
	if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer && !p.IsNil() {
		return p.Elem().Interface()
	}
	return v
}
