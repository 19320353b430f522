// Package secrettag knows the struct tag of fields that are not to be shown or kept.
package secrettag

import (
	"reflect"
	"slices"
	"strings"
)

// Has reports whether tag has `packetmq:"secret"`, alone or among other words.
func Has(tag reflect.StructTag) bool {
	return slices.Contains(strings.Split(tag.Get("packetmq"), ","), "secret")
}
