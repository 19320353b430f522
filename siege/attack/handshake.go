package attack

import "github.com/packetmq/packetmq/siege/wire"

// Ids on the wire: those of the protocol, and those that the server insists on.
const (
	idInit, idSoftquit, idPubIDs, idFinish = 0, 1, 2, 3

	idPing, idPong = 14, 15 // heartbeats, and their answers

	idEcho, idReply = 17, 18
)

const maxFrame = 1 << 20 // of id and payload, in bytes, as both sides announce it

// text is a msgpack string.
func text(s string) []byte { return wire.AppendText(nil, s) }

// initPayload announces version 1 and the largest frame, and no heartbeats: the
// server then waits for ever.
func initPayload() []byte {
	b := wire.AppendUint(wire.AppendText(wire.AppendMap(nil, 2), "version"), 1)
	return wire.AppendUint(wire.AppendText(b, "maxframe"), maxFrame)
}

// beatingInit is initPayload of a side that knows heartbeats: then it may send
// them, and their answers.
func beatingInit() []byte {
	b := initPayload()
	b[0]++ // a pair more
	return wire.AppendBool(wire.AppendText(b, "heartbeat"), true)
}

// idPair is a name and its id in an id map.
type idPair struct {
	name string
	id   uint64
}

func allIDs() []idPair {
	return []idPair{
		{"packetmq:handshake_init", idInit}, {"packetmq:softquit", idSoftquit},
		{"packetmq:handshake_pubids", idPubIDs}, {"packetmq:handshake_finish", idFinish},
		{"bench:echo", idEcho}, {"bench:reply", idReply},
	}
}

func pubIDsPayload(adapt bool, ids []idPair) []byte {
	b := wire.AppendBool(wire.AppendText(wire.AppendMap(nil, 2), "adapt"), adapt)
	b = wire.AppendMap(wire.AppendText(b, "idmap"), len(ids))
	for _, p := range ids {
		b = wire.AppendUint(wire.AppendText(b, p.name), p.id)
	}
	return b
}

// handshake is all that a client says before its first packet.
func handshake(adapt bool) []byte { return handshakeOf(initPayload(), adapt) }

func handshakeOf(init []byte, adapt bool) []byte {
	b := wire.AppendFrame(nil, idInit, init)
	b = wire.AppendFrame(b, idPubIDs, pubIDsPayload(adapt, allIDs()))
	return wire.AppendFrame(b, idFinish, wire.Nil)
}
