package peer

import (
	"reflect"
	"slices"
	"testing"
)

// Each kind of peer has the methods that it has a use for, and no others: what is new on Peer
// is new on every kind, so this list is where that is decided.
func TestKindsOfPeersHaveTheMethodsTheyCanUse(t *testing.T) {
	common := []string{
		// Of the program that they are a part of.
		"Registry", "Reactor", "Lifetime", "Data", "SetData", "Log", "Untyped",
		// How they run and end.
		"Run", "RunAsync", "Poll", "Stop", "Close", "Shutdown", "ShutdownWith",
		// Their conns, which each kind has of some sort.
		"Conn", "Conns", "AllConns", "NumConns",
		// What lies around packets and conns, whoever opened them.
		"EncodeRaw", "Use", "Observe", "Extend",
		// What is counted and logged.
		"Stats", "Counts", "LastPacket", "PacketLog", "SetPacketLog", "ClearPacketLog",
	}
	for _, kind := range []struct {
		typ reflect.Type
		own []string
	}{
		{reflect.TypeFor[*Peer](), nil},
		{reflect.TypeFor[*Server](), []string{"Listen", "Serve", "ServeConn", "Inject", "Attach", "AddScheme", "HalfOpen", "Drain"}},
		{reflect.TypeFor[*Client](), []string{"Connect", "ConnectAsync", "Inject", "Attach", "AddScheme", "Default"}},
		{reflect.TypeFor[*MemoryServer](), []string{"ConnectClient", "DisconnectClient", "Drain"}},
		{reflect.TypeFor[*MemoryClient](), []string{"Connect", "ConnectAsync", "Default"}},
	} {
		want := slices.Sorted(slices.Values(slices.Concat(common, kind.own)))
		var got []string
		for m := range kind.typ.Methods() {
			got = append(got, m.Name) // sorted by name
		}
		for _, name := range got {
			if _, listed := slices.BinarySearch(want, name); !listed {
				t.Errorf("%v has %s: is there a use for it? List it here, or move it to the kinds that have one", kind.typ, name)
			}
		}
		for _, name := range want {
			if !slices.Contains(got, name) {
				t.Errorf("%v has no %s", kind.typ, name)
			}
		}
	}
}

// The interfaces are of the kinds that can do what they are for.
var (
	_ SocketHost = (*Server)(nil)
	_ SocketHost = (*Client)(nil)
	_ MemoryHost = (*Server)(nil)
	_ MemoryHost = (*MemoryServer)(nil)
)

func TestMemoryPeersHaveNoAddresses(t *testing.T) {
	for _, kind := range []reflect.Type{reflect.TypeFor[*MemoryServer](), reflect.TypeFor[*MemoryClient](), reflect.TypeFor[*Peer]()} {
		if kind.Implements(reflect.TypeFor[SocketHost]()) {
			t.Errorf("%v is a SocketHost", kind)
		}
	}
	for _, kind := range []reflect.Type{reflect.TypeFor[*Client](), reflect.TypeFor[*MemoryClient](), reflect.TypeFor[*Peer]()} {
		if kind.Implements(reflect.TypeFor[MemoryHost]()) {
			t.Errorf("%v is a MemoryHost", kind)
		}
	}
}
