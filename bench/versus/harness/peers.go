package harness

// The servers that are compared, in their modes.

import (
	"path/filepath"
	"slices"

	"github.com/packetmq/packetmq/bench/versus/result"
)

// Peer is a server that is compared.
type Peer struct {
	Name  string
	About string
	Modes []string
	// serve is the server's command line without its mode; bin is where the
	// programs are.
	serve func(bin string) []string
	// handshake is set for a server that speaks packetmq's.
	handshake bool
	// call is set for a server with a protocol of its own, and so a load of its
	// own.
	call bool
	// calls are the modes in which it is called, by the library's own client.
	calls []string
	// loops are the modes in which it is looked at with several event loops; it
	// takes --loops.
	loops []string
	// rooms are the modes in which it sends a packet to all members of a room.
	rooms []string
	// lasts are the modes in which packets that survive their conns are compared with others.
	lasts []string
	// serveKept is serve for rooms and sessions, where that is another program; nil: it is not.
	serveKept func(bin string) []string
	// nodes are the modes in which it is a cluster, and serveNodes is serve for them.
	nodes      []string
	serveNodes func(bin string) []string
	// websocket is set for a server that speaks it.
	websocket bool
	// web are the modes in which it is compared with servers that speak WebSocket.
	web []string
	// fixed is set for a server that has no --mode.
	fixed bool
	// foreign is set for a server that is not written in Go, and so does not tell
	// what is on its heap.
	foreign bool
}

var (
	raw     = []string{"raw"}
	decodes = []string{"raw", "typed", "any"}
	own     = []string{"raw", "marshal", "typed", "any"}
	calls   = []string{"call"}
	rooms   = []string{"room"}
)

// Modes returns all modes of all peers, each once.
func Modes() (all []string) {
	for _, p := range Peers() {
		for _, list := range [][]string{p.Modes, p.calls, p.rooms, p.lasts, p.web, p.nodes} {
			for _, mode := range list {
				if !slices.Contains(all, mode) {
					all = append(all, mode)
				}
			}
		}
	}
	return all
}

// Peers returns all that can be compared.
func Peers() []Peer {
	versus := func(name string) func(string) []string {
		return func(bin string) []string { return []string{filepath.Join(bin, "versus"), "serve", name} }
	}
	program := func(name string, args ...string) func(string) []string {
		return func(bin string) []string { return append([]string{filepath.Join(bin, name)}, args...) }
	}
	return []Peer{
		{Name: "limit", About: "C, epoll, one read and one write for all that has arrived; for rooms, one write of it for each member", Modes: raw, serve: program("limit"), fixed: true, foreign: true, loops: raw, rooms: rooms, serveKept: program("room")},
		{Name: "packetmq", About: "its default options: handshake, guard, limits, panic isolation", Modes: own, serve: program("bench", "serve"), handshake: true, loops: own, calls: []string{"typed", "call", "go"}, rooms: []string{"room", "topic"}, lasts: []string{"typed", "session"}, serveKept: versus("packetmq"), web: raw, nodes: []string{"user", "ask", "across", "alone", "still"}, serveNodes: versus("nodes")},
		{Name: "packetmq-ws", About: "the same over WebSocket", serve: program("bench", "serve", "--listen", "ws://127.0.0.1:0"), handshake: true, websocket: true, web: raw},
		{Name: "gws", About: "lxzan/gws, a goroutine per conn", serve: versus("gws"), websocket: true, web: raw},
		{Name: "gorilla", About: "gorilla/websocket, a goroutine per conn", serve: versus("gorilla"), websocket: true, web: raw},
		{Name: "coder", About: "coder/websocket, a goroutine per conn", serve: versus("coder"), websocket: true, web: raw},
		{Name: "nbio-ws", About: "nbio's WebSocket, one poller", serve: versus("nbio-ws"), websocket: true, web: raw},
		{Name: "gobwas", About: "gobwas/ws on epoll, one goroutine", serve: versus("gobwas"), websocket: true, web: raw},
		{Name: "gnet", About: "gnet, one Write for all that has arrived, 256 KiB read buffer", Modes: decodes, serve: versus("gnet"), loops: raw},
		{Name: "gnet-naive", About: "gnet as in its examples, a Write for each frame", Modes: raw, serve: versus("gnet-naive")},
		{Name: "net", About: "net, a goroutine per conn, bufio with its default of 4 KiB", Modes: decodes, serve: versus("net")},
		{Name: "net64k", About: "the same with 64 KiB each way", Modes: raw, serve: versus("net64k")},
		{Name: "netpoll", About: "netpoll, one poller, one Flush for all that has arrived", Modes: decodes, serve: versus("netpoll")},
		{Name: "nbio", About: "nbio, one poller, one Write for all that was given, 256 KiB read buffer", Modes: decodes, serve: versus("nbio")},
		{Name: "grpc", About: "grpc-go, bidirectional streams; calls are unary, of a protobuf message", Modes: raw, serve: versus("grpc"), call: true, calls: calls},
		{Name: "ttrpc", About: "ttrpc, unary calls", Modes: raw, serve: versus("ttrpc"), call: true, calls: calls},
		{Name: "netrpc", About: "net/rpc of the standard library, with gob", serve: versus("netrpc"), calls: calls},
		{Name: "arpc", About: "arpc, with msgpack", serve: versus("arpc"), calls: calls},
		{Name: "nats", About: "NATS, request and reply through a server; calls have their bodies in msgpack; rooms are subjects; in a cluster, servers without anything beside them, and clients of nats.go", Modes: raw, serve: versus("nats"), call: true, calls: calls, rooms: rooms, nodes: []string{"user", "ask"}, serveNodes: versus("nats-nodes")},
		{Name: "natsfloor", About: "the floor of a cluster: nodes that pass on what comes, beside the same servers of NATS, with nothing of what packetmq promises", nodes: []string{"user", "ask"}, serveNodes: versus("natsfloor-nodes")},
		{Name: "melody", About: "melody over gorilla/websocket, a broadcast to all sessions", serve: versus("melody"), rooms: rooms},
		{Name: "centrifuge", About: "centrifuge, a publication in a channel, WebSocket and JSON", serve: versus("centrifuge"), rooms: rooms},
		{Name: "twisted", About: "Python and Twisted, the framework of the original", Modes: []string{"raw", "any"}, serve: versus("twisted"), handshake: true, foreign: true},
	}
}

// in are the peer's modes in a group. Only closed loops are for all of them.
func (p *Peer) in(group string) []string {
	switch group {
	case result.Closed:
		return p.Modes
	case result.Loops:
		return p.loops
	case result.Calls:
		return p.calls
	case result.Rooms:
		return p.rooms
	case result.WebSocket:
		return p.web
	case result.Sessions:
		return p.lasts
	case result.Cluster:
		return p.nodes
	}
	if slices.Contains(p.Modes, "raw") {
		return raw
	}
	return nil
}

// Find returns the peer of a name.
func Find(peers []Peer, name string) (Peer, bool) {
	i := slices.IndexFunc(peers, func(p Peer) bool { return p.Name == name })
	if i < 0 {
		return Peer{}, false
	}
	return peers[i], true
}

// subject is a peer in one of its modes.
type subject struct {
	Peer
	mode string
}

func (s subject) key() result.Subject { return result.Subject{Peer: s.Name, Mode: s.mode} }

// command is the server's command line for a group. Modes call and go differ in the load alone.
func (s subject) command(bin, group string) []string {
	serve, mode := s.serve, s.mode
	if (group == result.Rooms || group == result.Sessions) && s.serveKept != nil {
		serve = s.serveKept
	}
	if group == result.Cluster {
		serve = s.serveNodes
	}
	args := serve(bin)
	if mode == "go" {
		mode = "call"
	}
	if !s.fixed {
		args = append(args, "--mode", mode)
	}
	return args
}
