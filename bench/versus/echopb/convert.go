package echopb

// Between messages and the values that a load calls with.

import "github.com/packetmq/packetmq/bench/versus/caller"

// From returns v as a message, which shares its body.
func From(v *caller.Value) *Echo { return &Echo{Seq: v.Seq, Ts: v.TS, Body: v.Body} }

// Fill sets v to the message, and shares its body.
func (m *Echo) Fill(v *caller.Value) { v.Seq, v.TS, v.Body = m.Seq, m.Ts, m.Body }
