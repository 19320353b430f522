// Package shop has something of everything that can be carried.
package shop

import (
	"net/netip"
	"time"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/cmd/packetmq/internal/tsgen/testdata/shop/geo"
	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/room/request"
	"github.com/packetmq/packetmq/state"
)

// Kind is what an item is good for.
type Kind uint8

// The kinds.
const (
	KindSword  Kind = iota // it cuts
	KindShield             // it does not
	KindPotion
)

// Ticks are counted in 64 bits.
type Ticks int64

// Never is the largest.
const (
	Start Ticks = 0
	Never Ticks = 1<<63 - 1
)

// Celsius is a temperature.
type Celsius float64

// Tree contains itself.
type Tree []Tree

// Base is in other structs.
type Base struct {
	ID   uint64
	Made time.Time `msgpack:"made"`
}

// Item is a thing
// with a comment of two lines, and the end of one: */
type Item struct {
	Base
	// Name is what people call it.
	Name     string `msgpack:"name,alias:title"`
	Note     string `msgpack:"note,omitempty"` // may be missing
	Kind     Kind
	Kinds    []Kind // bytes on the wire
	Price    int32
	Big      uint64
	Any      any
	Raw      codec.Raw
	Lasts    time.Duration
	Data     []byte
	Hash     [4]byte
	Tags     []string
	Triple   [3]float32
	ByName   map[string]*geo.Point
	ByNumber map[uint16]bool
	ByKind   map[geo.Heading]int
	Parent   *Item
	Owner    **string
	From     netip.Addr // encodes itself
	Inner    struct {
		A int8 `msgpack:"a-b"`
	}
	Skipped  chan int `msgpack:"-"`
	hidden   chan int
	Heat     Celsius
	At       Ticks
	Lies     geo.Item
	Sold     geo.Area // encodes itself, and says how
	Root     Tree
	Maybes   []*int
	FailedAs error
}

// Pair travels as an array.
type Pair struct {
	_msgpack struct{} `msgpack:",as_array"`

	Left, Right *Pair
	Value       int
}

// Page is generic.
type Page[T any] struct {
	Items []T
	Next  *Page[T] `msgpack:",omitempty"`
}

// Mover embeds a pointer.
type Mover struct {
	*geo.Point
	Heading geo.Heading
	Base    `msgpack:"base,noinline"`
}

// Pos is a state's value.
type Pos struct {
	ID   int32 `msgpack:"id"`
	X, Y float32
}

// Full is the data of an error.
type Full struct{ Most int }

// Empty has nothing.
type Empty struct{}

// Date has the name of a type of JavaScript.
type Date struct{ Day int }

var (
	// Drop puts an item on the ground.
	Drop = registry.Define[Item]("shop:drop", 20, registry.Optional(), registry.MaxSize(8<<10))

	Pairs   = registry.Define[Pair]("shop:pairs", 21, registry.Reuse()) // of numbers
	_       = registry.Define[Empty]("shop:delete", 22)
	move    = registry.Define[Mover]("shop:move", first+3)
	plain   = registry.Define[string]("shop:plain", 24)
	HTTPDay = registry.Define[Date]("shop:http-day", 25, nil)

	Buy  = call.Define[Item, Page[Item]]("shop:buy", 60)
	list = call.Define[[]string, map[string]int64]("shop:list", 62, registry.Optional())
	poor = call.DefineError("shop:poor")
	Fill = call.DefineErrorOf[Full]("shop:full")

	Places = state.Define("shop:pos", 70, func(p *Pos) uint64 { return uint64(p.ID) })
	items  = state.Define("shop:items", 71, (*Item).key)
	rooms  = request.Define("shop:rooms", 80)
)

const first = 20

func (i *Item) key() uint64 { return i.ID }

// Definitions are those of the package's variables, but for move, which Setup adds.
func Definitions() (all []registry.Definition) {
	all = append(all, Drop, Pairs, plain, HTTPDay)
	all = append(all, registry.Define[Empty]("shop:delete", 22)) // the same again
	all = append(all, Buy.Packets()...)
	all = append(all, list.Packets()...)
	all = append(all, Places.Packets()...)
	all = append(all, items.Packets()...)
	return append(all, rooms.Packets()...)
}

// Setup defines in a function, and without a Go type; the first is the one from above.
func Setup(r *registry.Registry) error {
	registry.MustAdd[Mover](r, "shop:move", 23)
	if _, err := r.AddObject("other:drop", 30, &registry.Print{}); err != nil {
		return err
	}
	more, err := registry.Add[bool](r, "shop:for", 31)
	_ = more
	return err
}
