package call

// Error: an error that an answer carries, so that errors.Is and errors.As work across the
// wire.

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// maxText is the longest text of an error that is sent, in bytes.
const maxText = 1024

// Error is an error that an answer carries: by its name, so that errors.Is finds it on the
// other side, or as text only if it comes from Errorf. Two Errors are the same to errors.Is
// if they have the same name, whatever is in their text and data.
//
// An Error does not change. Any goroutine may use it.
type Error struct {
	name string
	text string
	data any       // to send: a *D of ErrorOf, or what was received and decoded into one; nil: none
	raw  codec.Raw // data as it was received
}

// internalError is an error of this package. Its name is one that no program can add.
func internalError(name, text string) *Error { return &Error{name: name, text: text} }

// DefineError defines an error that both sides know by a name, "application:error". It
// belongs to no registry: AddErrors adds it to those of both sides.
func DefineError(name string) *Error { return &Error{name: name} }

// AddError is DefineError followed by AddErrors.
func AddError(r *registry.Registry, name string) (*Error, error) {
	e := DefineError(name)
	return e, AddErrors(r, e)
}

// MustAddError is like AddError but panics on an error.
func MustAddError(r *registry.Registry, name string) *Error {
	e, err := AddError(r, name)
	if err != nil {
		panic(err)
	}
	return e
}

// Errorf makes an error without a name, whose text the caller is told. Wrap nothing in it
// that the other side may not see.
func Errorf(format string, args ...any) error { return &Error{text: fmt.Sprintf(format, args...)} }

// Name is the error's name, or "" if it has text only.
func (e *Error) Name() string { return e.name }

// Text is what WithText gave it.
func (e *Error) Text() string { return e.text }

// WithText is e with a text for people. It is the same error to errors.Is.
func (e *Error) WithText(text string) *Error {
	with := *e
	with.text = text
	return &with
}

// Error is the name and the text.
func (e *Error) Error() string {
	switch {
	case e.text == "":
		return "call: " + e.name
	case e.name == "" || strings.HasPrefix(e.name, "packetmq:"):
		return "call: " + e.text
	}
	return "call: " + e.name + ": " + e.text
}

// Is reports whether target is an error of the same name: an *Error, an ErrorOf or a Public.
func (e *Error) Is(target error) bool {
	name := ""
	switch t := target.(type) {
	case NamedError:
		name = t.Name()
	case Public:
		name, _ = t.Public()
	}
	return name != "" && name == e.name
}

// Unwrap returns the data of an ErrorOf, if that is an error itself: so errors.As finds it.
func (e *Error) Unwrap() error {
	err, _ := e.data.(error)
	return err
}

// NamedError is an error that an answer carries by its name: an *Error, or an ErrorOf.
type NamedError interface {
	error
	Name() string
	carried() *Error
}

func (e *Error) carried() *Error { return e }

// ErrorOf is an Error with data: it travels by name, with a D.
type ErrorOf[D any] struct {
	plain *Error
	codec *codec.Msgpack
}

// Name is the error's name.
func (e ErrorOf[D]) Name() string { return e.plain.Name() }

// Error is the name.
func (e ErrorOf[D]) Error() string { return e.plain.Error() }

func (e ErrorOf[D]) carried() *Error { return e.plain }

// DefineErrorOf is DefineError for an error with data.
func DefineErrorOf[D any](name string) ErrorOf[D] {
	return ErrorOf[D]{DefineError(name), new(codec.Msgpack)}
}

// AddErrorOf is DefineErrorOf followed by AddErrors.
func AddErrorOf[D any](r *registry.Registry, name string) (ErrorOf[D], error) {
	e := DefineErrorOf[D](name)
	return e, AddErrors(r, e)
}

// MustAddErrorOf is like AddErrorOf but panics on an error.
func MustAddErrorOf[D any](r *registry.Registry, name string) ErrorOf[D] {
	e, err := AddErrorOf[D](r, name)
	if err != nil {
		panic(err)
	}
	return e
}

// With is the error to return from a handler, with its data. If a *D is an error itself,
// errors.As finds it on the other side.
func (e ErrorOf[D]) With(data D) *Error {
	with := *e.plain
	with.data = &data
	return &with
}

// Data returns the data of err, if err is this error and has some.
func (e ErrorOf[D]) Data(err error) (data D, ok bool) {
	var c NamedError
	if !errors.As(err, &c) || c.Name() != e.Name() {
		return data, false
	}
	switch got := c.carried(); {
	case got.data != nil:
		if d, ok := got.data.(*D); ok {
			return *d, true
		}
	case got.raw != nil: // it was received by a side that has not added the error
		return data, e.codec.Decode(got.raw, &data) == nil
	}
	return data, false
}

func (e ErrorOf[D]) decode(raw codec.Raw) any {
	d := new(D)
	if e.codec.Decode(raw, d) != nil {
		return nil
	}
	return d
}

func (e ErrorOf[D]) check() error { return codec.CheckType(reflect.TypeFor[D]()) }

// errorTable has the errors of a registry by name.
type errorTable struct{ byName sync.Map }

// errorsKey is the key of the errorTable among a registry's attachments.
type errorsKey struct{}

func errorsOf(r *registry.Registry) *errorTable {
	return r.Attachment(errorsKey{}, func() any { return new(errorTable) }).(*errorTable)
}

// AddErrors adds errors of DefineError and DefineErrorOf to a registry, in their order. It
// stops at the first that cannot be added: its name is none, is taken by another, or its
// data is of a type that no payload can carry.
func AddErrors(r *registry.Registry, errs ...NamedError) error {
	if r == nil {
		return registry.ErrNoRegistry
	}
	table := errorsOf(r)
	for _, e := range errs {
		name := e.Name()
		if err := registry.CheckName(name); err != nil {
			return fmt.Errorf("call: %w", err)
		}
		if typed, ok := e.(interface{ check() error }); ok {
			if err := typed.check(); err != nil {
				return fmt.Errorf("call: error %s: %w", name, err)
			}
		}
		if other, taken := table.byName.LoadOrStore(name, e); taken && other != e {
			return fmt.Errorf("call: there is another error %s", name)
		}
	}
	return nil
}

// received makes the error that an answer carries.
func (t *errorTable) received(f *Failure) *Error {
	e := &Error{name: f.Name, text: f.Text, raw: f.Data}
	if known, ok := t.byName.Load(f.Name); ok && f.Data != nil {
		if typed, ok := known.(interface{ decode(codec.Raw) any }); ok {
			e.data = typed.decode(f.Data)
		}
	}
	return e
}

// failure is what is sent of an error, all of which the other side may know.
func (e *Error) failure(m *codec.Msgpack) (*Failure, error) {
	f := &Failure{Name: e.name, Text: sendable(e.text), Data: e.raw}
	if e.data != nil {
		b, err := m.Append(nil, e.data)
		if err != nil {
			return nil, err
		}
		f.Data = b
	}
	return f, nil
}

// sendable is a text that is UTF-8 and not too long.
func sendable(text string) string {
	if n := maxText; len(text) > n {
		for n > 0 && !utf8.RuneStart(text[n]) {
			n--
		}
		text = text[:n]
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
