package codec

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// A typist makes types at random, and values of them. The same seed makes the
// same.
type typist struct {
	*rand.Rand
	likeV5 bool // only what v5 encodes and decodes alike
}

func newTypist(seed uint64, likeV5 bool) *typist {
	return &typist{rand.New(rand.NewPCG(seed, 3)), likeV5}
}

func pick[T any](r *typist, of ...T) T { return of[r.IntN(len(of))] }

// typ is a type of some depth.
func (r *typist) typ(depth int) reflect.Type {
	if depth == 0 || r.IntN(3) == 0 {
		return r.leaf()
	}
	switch r.IntN(6) {
	case 0:
		return reflect.SliceOf(r.typ(depth - 1))
	case 1:
		return reflect.ArrayOf(r.IntN(4), r.typ(depth-1))
	case 2:
		return reflect.MapOf(r.key(), r.typ(depth-1))
	case 3:
		if t := r.typ(depth - 1); t.Kind() != reflect.Pointer {
			return reflect.PointerTo(t)
		}
	}
	return r.structure(depth - 1)
}

func (r *typist) leaf() reflect.Type {
	all := []reflect.Type{
		reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](),
		reflect.TypeFor[int64](), reflect.TypeFor[uint](), reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](),
		reflect.TypeFor[uint64](), reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[string](), reflect.TypeFor[[]byte](),
		reflect.TypeFor[[3]byte](), reflect.TypeFor[label](), reflect.TypeFor[level](), reflect.TypeFor[[]octet](), reflect.TypeFor[time.Duration](),
		reflect.TypeFor[time.Time](), reflect.TypeFor[[]string](), reflect.TypeFor[map[string]string](), reflect.TypeFor[parcel](), reflect.TypeFor[pair](),
		reflect.TypeFor[byFunc](), reflect.TypeFor[byCustom](), reflect.TypeFor[byText](), reflect.TypeFor[byExt](), reflect.TypeFor[netip.Addr](),
		reflect.TypeFor[Raw](), reflect.TypeFor[Ext](),
	}
	if !r.likeV5 {
		all = append(all, reflect.TypeFor[any](), reflect.TypeFor[error](), reflect.TypeFor[[]any](), reflect.TypeFor[map[string]any](),
			reflect.TypeFor[byMsgPtr](), reflect.TypeFor[byMsgKind](), reflect.TypeFor[[]byMsgKind](), reflect.TypeFor[withPointers](),
			reflect.TypeFor[shadowAfter](), reflect.TypeFor[tree](), reflect.TypeFor[vague]())
	}
	return pick(r, all...)
}

func (r *typist) key() reflect.Type {
	return pick(r, reflect.TypeFor[string](), reflect.TypeFor[string](), reflect.TypeFor[int](), reflect.TypeFor[label](), reflect.TypeFor[uint8](),
		reflect.TypeFor[bool](), reflect.TypeFor[float64](), reflect.TypeFor[[3]byte](), reflect.TypeFor[byText](), reflect.TypeFor[byFuncKind]())
}

// structure is a struct with tags, some of its fields embedded.
func (r *typist) structure(depth int) reflect.Type {
	var fields []reflect.StructField
	if r.IntN(6) == 0 {
		fields = append(fields, reflect.StructField{
			Name: "_msgpack", PkgPath: "github.com/packetmq/packetmq/codec", Type: reflect.TypeFor[struct{}](),
			Tag: reflect.StructTag(`msgpack:"` + pick(r, ",as_array", ",omitempty") + `"`),
		})
		if r.likeV5 {
			fields[0].Tag = `msgpack:",as_array"`
		}
	}
	embedded := []reflect.Type{reflect.TypeFor[Inner](), reflect.TypeFor[Generic[string]]()}
	if !r.likeV5 {
		embedded = append(embedded, reflect.TypeFor[*Ident](), reflect.TypeFor[*Deepest](), reflect.TypeFor[Other](), reflect.TypeFor[*Named]())
	}
	for i := range r.IntN(12) {
		f := reflect.StructField{Name: fmt.Sprint("F", i), Type: r.typ(depth)}
		if r.IntN(8) == 0 && len(fields) == i {
			f.Type = pick(r, embedded...)
			f.Anonymous = true
			f.Name = strings.TrimPrefix(f.Type.String(), "*")
			f.Name, _, _ = strings.Cut(f.Name[strings.LastIndex(f.Name, "codec.")+len("codec."):], "[")
			if slices.ContainsFunc(fields, func(o reflect.StructField) bool { return o.Anonymous }) {
				continue // reflect makes no two of them in all cases
			}
		}
		tag := pick(r, "", "", "", fmt.Sprint("t", i), fmt.Sprintf("t%d,alias:other%d", i, i), ",omitempty", ",noinline", "-")
		if r.likeV5 && tag == ",omitempty" && !agrees(f.Type) {
			tag = ""
		}
		if tag != "" {
			f.Tag = reflect.StructTag(`msgpack:"` + tag + `"`)
		}
		fields = append(fields, f)
	}
	return reflect.StructOf(fields)
}

// agrees reports whether v5 omits the same of a type as we do.
func agrees(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct, reflect.Pointer, reflect.Array, reflect.Interface:
		return false
	}
	return true
}

// text is some text.
func (r *typist) text() string {
	return strings.Repeat(pick(r, "a", "é", "x y"), r.IntN(5)*r.IntN(12))
}

// plain is a value as DecodeAny makes it.
func (r *typist) plain(depth int) any {
	if depth == 0 || r.IntN(2) == 0 {
		return pick[any](r, nil, true, int64(-5), int64(1<<40), uint64(math.MaxUint64), 1.5, "text", []byte("bytes"), time.Unix(5, 6), Ext{9, []byte("ab")}, "")
	}
	return pick[any](r, []any{r.plain(depth - 1), r.plain(depth - 1)}, []any{}, map[string]any{"k": r.plain(depth - 1)},
		map[string]any{"\xff": int64(1)}, map[any]any{int64(7): r.plain(depth - 1)})
}

// fill sets v at random. Maps get one pair at most, as their order is random.
func (r *typist) fill(v reflect.Value, depth int) {
	switch p := v.Addr().Interface().(type) {
	case *time.Time:
		*p = pick(r, time.Time{}, time.Unix(5, 0), time.Unix(1<<35, 7), time.Unix(-5, 1))
		return
	case *netip.Addr:
		*p = pick(r, netip.Addr{}, netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("::1"))
		return
	case *Raw:
		*p = pick(r, nil, Raw("\x92\x01\xa1a"), Raw("\x05"))
		return
	case *Ext:
		*p = Ext{int8(r.IntN(60)), []byte(r.text())}
		return
	case *byFunc:
		p.n = r.Int64()
		return
	case *byCustom:
		p.n = r.Int64()
		return
	case *byExt:
		p.n = r.Int64()
		return
	case *byMsgPtr:
		p.n = r.Int64()
		return
	case *byMsgKind:
		*p = byMsgKind(r.IntN(26))
		return
	case *error:
		*p = pick(r, nil, errors.New("fault"))
		return
	case *any:
		*p = r.plain(2)
		return
	case *[]any:
		*p = pick(r, nil, []any{r.plain(2)})
		return
	case *map[string]any:
		*p = pick(r, nil, map[string]any{"k": r.plain(2)})
		return
	}
	nothing := depth <= 0 || r.IntN(5) == 0
	switch v.Kind() {
	case reflect.String:
		v.SetString(r.text())
	case reflect.Float32, reflect.Float64:
		v.SetFloat(pick(r, 0, 1.5, -2.25, math.Inf(1), 1<<40))
	case reflect.Pointer:
		if !nothing {
			v.Set(reflect.New(v.Type().Elem()))
			r.fill(v.Elem(), depth-1)
		}
	case reflect.Slice:
		if !nothing {
			v.Set(reflect.MakeSlice(v.Type(), r.IntN(4), 5))
			for i := range v.Len() {
				r.fill(v.Index(i), depth-1)
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			r.fill(v.Index(i), depth)
		}
	case reflect.Map:
		if !nothing {
			v.Set(reflect.MakeMap(v.Type()))
			key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			r.fill(key, depth-1)
			r.fill(elem, depth-1)
			if r.IntN(4) > 0 {
				v.SetMapIndex(key, elem)
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				r.fill(v.Field(i), depth)
			}
		}
	default:
		scramble(r.Rand, v, depth)
	}
}

// comesOf is whether b may be what comes of a: what is empty may have become nil,
// and a pointer to nil too. Fields with a tag of "-" do not count.
func comesOf(a, b reflect.Value) bool {
	switch x := a.Interface().(type) {
	case time.Time:
		return x.Equal(b.Interface().(time.Time))
	case error:
		y, ok := b.Interface().(error)
		return ok && x.Error() == y.Error()
	}
	switch a.Kind() {
	case reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() && b.IsNil() || b.IsNil() && isNothing(a)
		}
		return comesOf(a.Elem(), b.Elem())
	case reflect.Slice, reflect.Array:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !comesOf(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Map:
		if a.Len() != b.Len() {
			return false
		}
		for _, k := range a.MapKeys() {
			if v := b.MapIndex(k); !v.IsValid() || !comesOf(a.MapIndex(k), v) {
				return false
			}
		}
		return true
	case reflect.Interface:
		return equal(a.Interface(), b.Interface())
	case reflect.Struct:
		for i := range a.NumField() {
			if f := a.Type().Field(i); f.Tag.Get("msgpack") != "-" && f.IsExported() && !comesOf(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return a.NumField() > 0 && a.Type().Field(0).IsExported() || reflect.DeepEqual(a.Interface(), b.Interface()) || a.Type().PkgPath() == ""
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}

// isNothing reports whether a leads to nil.
func isNothing(a reflect.Value) bool {
	switch a.Kind() {
	case reflect.Pointer, reflect.Interface:
		return a.IsNil() || isNothing(a.Elem())
	case reflect.Slice, reflect.Map:
		return a.IsNil()
	}
	return false
}

// typeOf is the type for a seed. There are 4,096, for a process that has once seen
// a type keeps it for ever.
func typeOf(seed uint64) reflect.Type { return newTypist(seed%4096, seed%2 == 0).typ(4) }

// checkType encodes and decodes a value of a type of its own.
func checkType(t *testing.T, m *Msgpack, seed uint64) {
	r := newTypist(seed, seed%2 == 0)
	typ := typeOf(seed)
	if typ == reflect.TypeFor[Raw]() {
		return // a Raw that is alone gets all, a nil too
	}
	v := reflect.New(typ)
	r.fill(v.Elem(), 4)
	b, err := m.Append(nil, v.Interface())
	var refused *TypeError
	if errors.As(err, &refused) && strings.Contains(refused.Reason, "name of another field") || errors.Is(err, errNoPointer) {
		return
	}
	if err != nil {
		t.Fatalf("seed %d, %v: %v", seed, typ, err)
	}
	got := reflect.New(typ)
	if err := m.Decode(b, got.Interface()); err != nil || !comesOf(v.Elem(), got.Elem()) {
		t.Fatalf("seed %d, %v: %q came back as %+v, %v; sent %+v", seed, typ, b, got.Elem(), err, v.Elem())
	}
	again, err := m.Append(nil, got.Interface())
	twice := reflect.New(typ)
	if err == nil {
		err = m.Decode(again, twice.Interface())
	}
	if err != nil || !comesOf(got.Elem(), twice.Elem()) {
		t.Fatalf("seed %d, %v: %q, and then %q, %v", seed, typ, b, again, err)
	}
	if value, err := m.Append(nil, v.Elem().Interface()); err != nil || len(value) != len(b) {
		t.Fatalf("seed %d, %v: %q, its value %q, %v", seed, typ, b, value, err)
	}
	if !r.likeV5 {
		return
	}
	theirs := reflect.New(typ)
	var out bytes.Buffer
	e := msgpack.NewEncoder(&out)
	e.UseCompactInts(true)
	if err := e.Encode(v.Interface()); err != nil {
		return // a method of a pointer, and no address
	}
	if !bytes.Equal(b, out.Bytes()) {
		t.Fatalf("seed %d, %v: %q, v5 has %q", seed, typ, b, out.Bytes())
	}
	if err := decodeByV5(m, b, theirs.Interface()); err != nil || !comesOf(got.Elem(), theirs.Elem()) {
		t.Fatalf("seed %d, %v: %q is %+v, by v5 %+v, %v", seed, typ, b, got.Elem(), theirs.Elem(), err)
	}
}

func TestRandomTypes(t *testing.T) {
	seeds := uint64(3000)
	if testing.Short() {
		seeds = 600
	}
	var m Msgpack
	for seed := range seeds {
		checkType(t, &m, seed)
	}
}

// FuzzTypes makes types from seeds, and decodes whatever comes into them.
func FuzzTypes(f *testing.F) {
	for i, c := range codes() {
		f.Add(uint64(i), []byte(c))
	}
	var m Msgpack
	f.Fuzz(func(t *testing.T, seed uint64, b []byte) {
		checkType(t, &m, seed)
		v := reflect.New(typeOf(seed)).Interface()
		err := m.Decode(b, v)
		var e *CodecError
		if errors.As(err, &e) && e.Value != nil {
			t.Fatalf("seed %d, %x: %v", seed, b, err)
		}
		if err != nil {
			return
		}
		again, err := m.Append(nil, v)
		if errors.Is(err, ErrUTF8) || errors.Is(err, errNoPointer) {
			return // a text that came as bin
		}
		if err != nil {
			t.Fatalf("seed %d: %x into %T, which is refused then: %v", seed, b, v, err)
		}
		if err := m.Decode(again, reflect.New(reflect.TypeOf(v).Elem()).Interface()); err != nil {
			t.Fatalf("seed %d: %x is %x as %T, and is refused then: %v", seed, b, again, v, err)
		}
	})
}
