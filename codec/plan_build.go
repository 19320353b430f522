package codec

// Building a plan: from a Go type to how its values are encoded and decoded.

import (
	"reflect"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// A planner makes a plan for a type, and for all types within.
type planner struct {
	m     *Msgpack
	plans map[reflect.Type]*plan // types that contain themselves find their plan here
}

func newPlanner(m *Msgpack) *planner {
	return &planner{m: m, plans: make(map[reflect.Type]*plan)}
}

// CheckType reports whether a payload can carry values of type t: if not, the
// error is a *TypeError that tells which part of t is at fault. Append and
// Decode refuse such a type, with the same error, even where the part at fault
// is nil or empty.
func CheckType(t reflect.Type) error {
	if _, err := newPlanner(new(Msgpack)).plan(t); err != nil {
		return err.of(t)
	}
	return nil
}

func (ps *planner) plan(t reflect.Type) (*plan, *TypeError) {
	if p := ps.plans[t]; p != nil {
		return p, nil
	}
	p := &plan{typ: t, m: ps.m}
	ps.plans[t] = p
	if err := ps.fill(p); err != nil {
		return nil, err
	}
	return p, nil
}

// fill finds out how values of a type are encoded and decoded: by the type's
// own code, in each direction in which there is such, else by what the type is
// made of.
func (ps *planner) fill(p *plan) *TypeError {
	switch p.typ {
	case reflect.TypeFor[Raw](), reflect.TypeFor[msgpack.RawMessage]():
		p.set(opRaw)
		return nil
	case reflect.TypeFor[Ext]():
		p.set(opExt)
		return nil
	case reflect.TypeFor[time.Time]():
		p.set(opV5)
		if timesAreOurs() {
			p.set(opTime)
		}
		return nil
	}
	enc, dec := methods(p.typ)
	if p.typ.Kind() == reflect.Struct && (enc != none || dec != none) {
		if err := promoted(p.typ); err != nil {
			return err
		}
	}
	if enc == none || dec == none {
		err := ps.fillPlain(p)
		if err != nil && err.endless {
			return err
		}
		encodes, decodes := ps.registered(p, err == nil && !p.odd)
		if encodes && enc == none {
			enc = byV5
		}
		if decodes && dec == none {
			dec = byV5
		}
		if err != nil && (enc == none || dec == none) {
			return err
		}
	}
	if enc == byV5 && p.typ.Kind() != reflect.Pointer {
		p.only = onlyFirst(p.typ)
	}
	if enc != none {
		p.enc = enc.op()
		if dec == none {
			p.dec = opRefuse
		}
	}
	if dec != none {
		p.dec = dec.op()
	}
	return nil
}

// registered asks if functions for the type of p are registered with v5. A pointer
// to a type with methods goes by these, as all that holds the type does.
func (ps *planner) registered(p *plan, sound bool) (encodes, decodes bool) {
	var enc, dec owner
	if p.typ.Kind() == reflect.Pointer {
		if enc, dec = methods(p.typ.Elem()); enc != none && dec != none {
			return false, false
		}
	}
	encodes, decodes = registered(p.typ, sound)
	return encodes && enc == none, decodes && dec == none
}

// set makes a plan do the same both ways.
func (p *plan) set(o op) { p.enc, p.dec = o, o }

func (ps *planner) fillPlain(p *plan) *TypeError {
	t := p.typ
	switch t.Kind() {
	case reflect.Bool:
		p.set(opBool)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		p.set(opInt)
		p.spare = uint8(64 - t.Bits())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		p.set(opUint)
		p.spare = uint8(64 - t.Bits())
	case reflect.Float32:
		p.set(opFloat32)
	case reflect.Float64:
		p.set(opFloat64)
	case reflect.String:
		p.set(opString)
	case reflect.Slice:
		return ps.fillSlice(p)
	case reflect.Array:
		p.set(opArray)
		if err := ps.fillElem(p, "[]"); err != nil {
			return err
		}
		if isByte(p.elem) {
			p.set(opByteArray)
		}
	case reflect.Map:
		return ps.fillMap(p)
	case reflect.Pointer:
		return ps.fillPointer(p)
	case reflect.Interface:
		switch {
		case t.NumMethod() == 0:
			p.set(opAny)
		case t == reflect.TypeFor[error]():
			p.set(opError)
		default:
			return typeError(t, "it is not known which type to decode into an interface with methods")
		}
	case reflect.Struct:
		p.set(opStruct)
		if err := ps.fillStruct(p); err != nil {
			return err
		}
		if len(p.fields) == 0 && reflect.PointerTo(t).Implements(reflect.TypeFor[error]()) {
			p.enc, p.dec = opErrorText, opRefuse // as errors.New makes them
		}
	default:
		return typeError(t, "msgpack has nothing for it")
	}
	return nil
}

// isByte reports whether p is of bytes, slices and arrays of which are bin.
func isByte(p *plan) bool {
	return p.typ.Kind() == reflect.Uint8 && p.enc == opUint && p.dec == opUint
}

// fillElem plans the elements of a type; where says where they lie.
func (ps *planner) fillElem(p *plan, where string) (err *TypeError) {
	if p.elem, err = ps.plan(p.typ.Elem()); err != nil {
		return err.within(where)
	}
	return nil
}

func (ps *planner) fillSlice(p *plan) *TypeError {
	p.set(opSlice)
	if err := ps.fillElem(p, "[]"); err != nil {
		return err
	}
	p.size = int(p.typ.Elem().Size())
	p.none = reflect.MakeSlice(p.typ, 0, 0)
	switch {
	case isByte(p.elem):
		p.set(opBytes)
	case p.typ.Elem() == reflect.TypeFor[string]() && p.elem.enc == opString:
		p.set(opStrings)
	case p.typ.Elem() == reflect.TypeFor[any]():
		p.set(opAnys)
	}
	return nil
}

func (ps *planner) fillMap(p *plan) (err *TypeError) {
	p.set(opMap)
	p.size = slotSize(p.typ)
	if p.key, err = ps.plan(p.typ.Key()); err != nil {
		return err.within("[key]")
	}
	if reason := p.key.noKey(); reason != "" {
		err := typeError(p.typ.Key(), reason)
		err.err = ErrMapKey
		return err.within("[key]")
	}
	if err := ps.fillElem(p, "[]"); err != nil {
		return err
	}
	if p.typ.Key() == reflect.TypeFor[string]() && p.key.enc == opString {
		switch {
		case p.typ.Elem() == p.typ.Key():
			p.set(opStringMap)
		case p.typ.Elem() == reflect.TypeFor[any]():
			p.set(opAnyMap)
		}
	}
	return nil
}

// noKey tells why a map cannot have keys of a type, or is empty.
func (p *plan) noKey() string {
	switch {
	case p.typ.Kind() == reflect.Pointer:
		return "a pointer that is decoded is another key"
	case p.enc == opStruct, p.enc == opArray, p.enc == opTime, p.enc == opExt:
		return "it would be a map, an array or an ext, which no key may be"
	case p.enc == opError:
		return "an error that is decoded is another key"
	}
	return ""
}

func (ps *planner) fillPointer(p *plan) *TypeError {
	p.set(opPointer)
	t := p.typ.Elem()
	for n := 0; t.Kind() == reflect.Pointer; n++ {
		if t == p.typ || n > maxDepth {
			err := typeError(p.typ, "it leads to nothing but pointers")
			err.endless = true
			return err
		}
		t = t.Elem()
	}
	p.size = allocation(p.typ.Elem())
	return ps.fillElem(p, "")
}

func (ps *planner) fillStruct(p *plan) *TypeError {
	fs := structFields{ps: ps}
	if err := fs.add(p.typ); err != nil {
		return err
	}
	p.fields, p.extra, p.asArray, p.omitEmpty, p.odd = fs.fields, fs.extra, fs.asArray, fs.omitEmpty, fs.odd
	if len(p.fields) > fewFields {
		p.index = make(map[string]int)
		for k := range p.extra {
			p.index[p.extra[k].name] = -1
		}
		for k := range p.fields {
			p.index[p.fields[k].name] = k
		}
	}
	return nil
}
