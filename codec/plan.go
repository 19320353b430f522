package codec

// What a plan is: how values of one Go type are encoded and decoded. It is made
// once for each type (plan_build.go), and followed for each value
// (plan_encode.go, plan_decode.go).

import "reflect"

// A plan is how values of one type are encoded and decoded, found out once. A
// planner makes it.
type plan struct {
	enc, dec op
	typ      reflect.Type
	elem     *plan // of a pointer, a slice, an array, a map
	key      *plan // of a map
	m        *Msgpack

	spare uint8         // of an integer: how many bits it is short of 64
	size  int           // of a target, an element, an entry in a map, in bytes
	none  reflect.Value // of a slice: one without elements

	only func(ptr any) any // of a type that v5 encodes: hides all methods but one from v5; nil: hides none

	fields    []field        // of a struct, in the order of the wire
	extra     []field        // more names that a decoder takes: aliases, and embedded structs by their own names
	index     map[string]int // fields by name, where they are many; -1 for what is extra
	asArray   bool
	odd       bool // v5 would panic at its fields, or complain to the process's log
	omitEmpty bool // there are fields that may be left out
}

// A field is a field of a struct, or of one embedded in it.
type field struct {
	name      string
	key       string // the name, encoded
	at        int    // where it is in the struct, or what it is embedded in
	path      []int  // from there on, if it is embedded
	through   bool   // the path leads through a pointer, which may be nil
	plan      *plan
	omitEmpty bool
	isZero    bool // the type has a method of that name
}

// of finds the field in a struct. It is false if an embedded pointer to it is
// nil.
func (f *field) of(v reflect.Value) (reflect.Value, bool) {
	v = v.Field(f.at)
	if len(f.path) == 0 {
		return v, true
	}
	return f.follow(v)
}

func (f *field) follow(v reflect.Value) (reflect.Value, bool) {
	for _, i := range f.path {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v, true
}

// An op is what a plan does.
type op uint8

const (
	opBool op = iota
	opInt
	opUint
	opFloat32
	opFloat64
	opString
	opBytes
	opStruct
	opByteArray
	opStrings
	opSlice
	opArray
	opStringMap
	opMap
	opPointer
	opAny
	opAnys
	opAnyMap
	opError
	opErrorText // an error that has nothing but its text
	opTime
	opRaw
	opExt
	opMsg    // by MarshalMsg or UnmarshalMsg
	opV5     // by msgpack/v5, which has code of the type's own
	opRefuse // a type that encodes itself and cannot decode itself
)
