package main

// The calls and errors of a shop. Each side adds them to a registry of its own.

import (
	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/registry"
)

// Order is what shop:buy asks for, and Receipt what it is answered with.
type (
	Order   struct{ Item string }
	Receipt struct{ Total int }
)

// Question is what shop:ask asks a customer, and Reply what the customer says.
type (
	Question struct{ About string }
	Reply    struct{ Says string }
)

// Short is the data of shop:poor.
type Short struct{ Of int }

var (
	buy = call.Define[Order, Receipt]("shop:buy", 40)  // a customer calls its shop
	ask = call.Define[Question, Reply]("shop:ask", 42) // a shop calls its customer

	poor    = call.DefineErrorOf[Short]("shop:poor")
	unknown = call.DefineError("shop:unknown")
)

// add adds all of that to a registry.
func add(reg *registry.Registry) error {
	if err := reg.Add(append(buy.Packets(), ask.Packets()...)...); err != nil {
		return err
	}
	return call.AddErrors(reg, poor, unknown)
}
