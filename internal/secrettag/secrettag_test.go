package secrettag

import (
	"reflect"
	"testing"
)

func TestHasFindsTheWord(t *testing.T) {
	for tag, want := range map[reflect.StructTag]bool{
		`packetmq:"secret"`:            true,
		`packetmq:"other,secret"`:      true,
		`msgpack:"secret"`:             false,
		`packetmq:"secretive"`:         false,
		``:                             false,
		`json:"a" packetmq:"secret"  `: true,
	} {
		if got := Has(tag); got != want {
			t.Errorf("Has(%s) = %v", tag, got)
		}
	}
}
