package main

// The program: accounts from which clients spend. It has a fault.

import (
	"log/slog"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// Spend is bank:spend, from a client.
type Spend struct {
	Pin    string `packetmq:"secret"` // it is in no capture
	Amount int
}

// Spent is bank:spent, the answer.
type Spent struct {
	OK   bool
	Left int
}

var (
	spend = registry.Define[Spend]("bank:spend", 16)
	spent = registry.Define[Spent]("bank:spent", 17)
)

// bank is the server. Its fields are for the loop.
type bank struct {
	srv     *peer.Server
	mended  bool
	balance int // of the one account
}

// newBank makes the server. With mended set, the fault is not there.
func newBank(cfg *peer.Config, mended bool) *bank {
	reg := packets()
	b := &bank{srv: peer.NewServer(reg, cfg), mended: mended, balance: 100}
	peer.Handle(b.srv, spend, b.onSpend)
	return b
}

// packets is the registry of the server.
func packets() *registry.Registry {
	reg := registry.New()
	reg.MustAdd(spend)
	reg.MustAdd(spent)
	return reg
}

// onSpend asks another system whether the client may spend, and waits for that without
// holding the loop up. What it looked at before may not be true any more then.
func (b *bank) onSpend(c *peer.Conn, s *Spend) error {
	if s.Amount > b.balance {
		return peer.Reply(c, spent, &Spent{false, b.balance})
	}
	amount := s.Amount
	return engine.Offload(c.Loop(), mayspend, func(ok bool, err error) {
		if err != nil {
			slog.Warn("nobody can tell whether the client may spend", "err", err)
		}
		if b.mended && amount > b.balance { // without this, two at once spend what is there once
			ok = false
		}
		if ok {
			b.balance -= amount
		}
		peer.Send(c, spent, &Spent{ok, b.balance})
	})
}

// mayspend asks the other system.
func mayspend() (bool, error) { return true, nil }
