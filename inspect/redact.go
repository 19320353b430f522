package inspect

// A decoded packet as it is shown in a trace: bounded, and without what is secret.

import (
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/packetmq/packetmq/internal/secrettag"
)

// secret stands for a value that is not shown.
const secret = "(secret)"

const (
	maxShownDepth    = 8
	maxShownElements = 64  // of each list and map
	maxShownText     = 256 // bytes of each string
	maxShownBytes    = 64  // of each byte slice
	maxShownValues   = 1024
)

// shower turns values into what encoding/json can write. Fields with the tag
// `packetmq:"secret"` are left out, with all that is in them.
type shower struct{ left int }

// show returns v as it is shown.
func show(v any) any {
	s := &shower{left: maxShownValues}
	return s.value(reflect.ValueOf(v), 0)
}

func (s *shower) value(v reflect.Value, depth int) any {
	if s.left--; s.left < 0 || depth > maxShownDepth {
		return "…"
	}
	if !v.IsValid() {
		return nil
	}
	if v.Type() == reflect.TypeFor[time.Time]() && v.CanInterface() {
		return v.Interface().(time.Time).Format(time.RFC3339Nano)
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return s.value(v.Elem(), depth+1)
	case reflect.Struct:
		return s.fields(v, depth)
	case reflect.Map:
		return s.pairs(v, depth)
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return shownBytes(v)
		}
		return s.elements(v, depth)
	case reflect.String:
		return shownText(v.String())
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return exact(v.Int(), fmt.Sprint(v.Int()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if n := v.Uint(); n > maxExact {
			return fmt.Sprint(n)
		}
		return v.Uint()
	case reflect.Float32, reflect.Float64:
		if f := v.Float(); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f
		}
		return fmt.Sprint(v.Float()) // JSON knows neither
	default:
		return fmt.Sprintf("(%s)", v.Type())
	}
}

// maxExact is the largest integer that a browser reads exactly.
const maxExact = 1<<53 - 1

// exact is n, or its text where a browser would round it.
func exact(n int64, text string) any {
	if n > maxExact || n < -maxExact {
		return text
	}
	return n
}

func (s *shower) fields(v reflect.Value, depth int) any {
	shown := make(map[string]any)
	for _, f := range reflect.VisibleFields(v.Type()) {
		if len(f.Index) > 1 || !f.IsExported() { // the former are in the struct that is embedded
			continue
		}
		if secrettag.Has(f.Tag) {
			shown[f.Name] = secret
			continue
		}
		shown[f.Name] = s.value(v.FieldByIndex(f.Index), depth+1)
	}
	return shown
}

func (s *shower) pairs(v reflect.Value, depth int) any {
	shown := make(map[string]any)
	pairs := v.MapRange()
	for pairs.Next() {
		if len(shown) == maxShownElements {
			shown["…"] = v.Len() - maxShownElements
			break
		}
		key := shownText(fmt.Sprint(s.value(pairs.Key(), depth+1)))
		shown[key] = s.value(pairs.Value(), depth+1)
	}
	return shown
}

func (s *shower) elements(v reflect.Value, depth int) any {
	shown := make([]any, 0, min(v.Len(), maxShownElements))
	for i := range v.Len() {
		if i == maxShownElements {
			return append(shown, fmt.Sprintf("… %d more", v.Len()-i))
		}
		shown = append(shown, s.value(v.Index(i), depth+1))
	}
	return shown
}

func shownText(text string) string {
	if len(text) <= maxShownText {
		return strings.ToValidUTF8(text, "�")
	}
	end := maxShownText
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return fmt.Sprintf("%s… %d bytes", strings.ToValidUTF8(text[:end], "�"), len(text))
}

func shownBytes(v reflect.Value) string {
	n := min(v.Len(), maxShownBytes)
	b := make([]byte, n)
	reflect.Copy(reflect.ValueOf(b), v)
	if n < v.Len() {
		return fmt.Sprintf("%s… %d bytes", hex.EncodeToString(b), v.Len())
	}
	return hex.EncodeToString(b)
}
