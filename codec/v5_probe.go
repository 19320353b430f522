package codec

// Finding out whether a program has registered functions for a type with msgpack/v5.

import (
	"bytes"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// registered tells whether a program has registered functions with msgpack/v5
// for values of type t, which has no methods for that. v5 does not say. But it
// calls such a function to encode or decode a value, so we have it do that, and
// look at its first access to see who it is that makes it.
//
// Before v5 encodes a struct it looks at all its fields, and does not survive some.
// So a struct that is not sound is taken to be registered both ways or not at all.
func registered(t reflect.Type, sound bool) (encodes, decodes bool) {
	decodes = probeDecoder(t).foreign(sound)
	if !sound && t.Kind() == reflect.Struct {
		return decodes, decodes
	}
	return probeEncoder(t).foreign(sound), decodes
}

func probeEncoder(t reflect.Type) (p *probe) {
	p = &probe{caller: "probeEncoder"}
	defer func() { _ = recover() }()
	msgpack.NewEncoder(p).EncodeValue(reflect.New(t).Elem())
	return p
}

func probeDecoder(t reflect.Type) (p *probe) {
	p = &probe{caller: "probeDecoder"}
	defer func() { _ = recover() }()
	msgpack.NewDecoder(p).DecodeValue(reflect.New(t).Elem())
	return p
}

// A probe is what v5 writes to and reads from.
type probe struct {
	caller string // our function that called v5
	used   bool
	plain  bool // no function but v5's was between that and the first access
}

// foreign reports whether a function of a program was there. Without any access
// it was, if the type is sound, which v5 would have written or read.
func (p *probe) foreign(sound bool) bool { return p.used && !p.plain || !p.used && sound }

var errProbe = errors.New("enough is known")

func (p *probe) Write([]byte) (int, error) { return 0, p.look() }
func (p *probe) WriteByte(byte) error      { return p.look() }
func (p *probe) Read([]byte) (int, error)  { return 0, p.look() }
func (p *probe) ReadByte() (byte, error)   { return 0, p.look() }
func (p *probe) UnreadByte() error         { return nil }

const v5Path = "github.com/vmihailenco/msgpack/v5."

func (p *probe) look() error {
	if p.used {
		return errProbe
	}
	p.used = true
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		f, more := frames.Next()
		name, ofV5 := strings.CutPrefix(f.Function, v5Path)
		switch {
		case !ofV5:
			p.plain = strings.HasSuffix(f.Function, "codec."+p.caller)
			return errProbe
		case strings.HasPrefix(name, "makeExt"), strings.HasPrefix(name, "nilAware"):
			return errProbe // RegisterExt's, and what is around it
		case !more:
			return errProbe
		}
	}
}

// timesAreOurs reports whether v5 encodes and decodes a time.Time as we do. A
// program may have registered something else.
func timesAreOurs() bool {
	sent := time.Unix(1<<33, 5)
	b, err := msgpack.Marshal(struct{ T time.Time }{sent})
	if err != nil || !bytes.Equal(b, appendTime([]byte("\x81\xa1T"), sent)) {
		return false
	}
	var got struct{ T time.Time }
	return msgpack.Unmarshal(b, &got) == nil && got.T.Equal(sent)
}
