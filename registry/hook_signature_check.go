package registry

// The check of an object's methods: a method with the name of a hook and other
// parameters is refused.

import (
	"fmt"
	"reflect"
)

// wrongHookMethod says which method of an object has the name of a hook and could
// never be called as one, if so: the program would wait for it in vain.
func wrongHookMethod(obj any) string {
	for _, find := range [...]func(any) string{
		hookMethodFault[OnSender, PacketSender],
		hookMethodFault[OnEncoder, PacketEncoder],
		hookMethodFault[OnDecoder, PacketDecoder],
		hookMethodFault[OnReceiver, PacketReceiver],
		hookMethodFault[Valuer, PacketValuer],
	} {
		if reason := find(obj); reason != "" {
			return reason
		}
	}
	return ""
}

// hookMethodFault looks at one hook: an object's method of that name must be that
// of Plain, or that of Told, which is told its packet.
func hookMethodFault[Plain, Told any](obj any) string {
	_, plain := obj.(Plain)
	_, told := obj.(Told)
	if plain || told {
		return ""
	}
	want := reflect.TypeFor[Plain]().Method(0)
	if m := reflect.ValueOf(obj).MethodByName(want.Name); m.IsValid() {
		return fmt.Sprintf("its %s is a %v; it must be a %v or a %v",
			want.Name, m.Type(), want.Type, reflect.TypeFor[Told]().Method(0).Type)
	}
	if _, ok := reflect.PointerTo(reflect.TypeOf(obj)).MethodByName(want.Name); ok {
		return fmt.Sprintf("its %s is a method of the pointer; register a pointer", want.Name)
	}
	return ""
}
