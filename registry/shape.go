package registry

import (
	"fmt"
	"reflect"
)

// misshapen says which method of an object has the name of a hook and could
// never be called as one, if so: the program would wait for it in vain.
func misshapen(obj any) string {
	for _, find := range [...]func(any) string{
		shaped[OnSender, PacketSender],
		shaped[OnEncoder, PacketEncoder],
		shaped[OnDecoder, PacketDecoder],
		shaped[OnReceiver, PacketReceiver],
		shaped[Valuer, PacketValuer],
	} {
		if reason := find(obj); reason != "" {
			return reason
		}
	}
	return ""
}

// shaped looks at the method of a hook, which has the shape of Plain's only
// method, or that of Told's, which is told its packet.
func shaped[Plain, Told any](obj any) string {
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
