package wire

// What a client says before its first packet.

// Ids on the wire: those of the protocol, and those that the server insists on.
const (
	IDInit, IDSoftquit, IDPubIDs, IDFinish = 0, 1, 2, 3

	IDPing, IDPong = 14, 15 // heartbeats, and their answers

	IDEcho, IDReply = 17, 18
)

// MaxFrame is the largest length of a frame that both sides announce, in bytes.
const MaxFrame = 1 << 20

// Init is the payload of a handshake_init with version 1 and MaxFrame. It does not
// announce heartbeats, so the server allows any length of silence.
func Init() []byte {
	b := AppendUint(AppendText(AppendMap(nil, 2), "version"), 1)
	return AppendUint(AppendText(b, "maxframe"), MaxFrame)
}

// InitWithHeartbeat is Init of a side that knows heartbeats. It may then send them,
// and answers to them.
func InitWithHeartbeat() []byte {
	b := Init()
	b[0]++ // a pair more
	return AppendBool(AppendText(b, "heartbeat"), true)
}

// IDPair is a name and its id in an id map.
type IDPair struct {
	Name string
	ID   uint64
}

// IDMap returns the ids that the server has too.
func IDMap() []IDPair {
	return []IDPair{
		{"packetmq:handshake_init", IDInit}, {"packetmq:softquit", IDSoftquit},
		{"packetmq:handshake_pubids", IDPubIDs}, {"packetmq:handshake_finish", IDFinish},
		{"bench:echo", IDEcho}, {"bench:reply", IDReply},
	}
}

// PubIDs is the payload of a handshake_pubids.
func PubIDs(adapt bool, ids []IDPair) []byte {
	b := AppendBool(AppendText(AppendMap(nil, 2), "adapt"), adapt)
	b = AppendMap(AppendText(b, "idmap"), len(ids))
	for _, p := range ids {
		b = AppendUint(AppendText(b, p.Name), p.ID)
	}
	return b
}

// Handshake returns all three frames of a client.
func Handshake(adapt bool) []byte { return HandshakeWith(Init(), adapt) }

// HandshakeWith is Handshake with another payload of handshake_init.
func HandshakeWith(init []byte, adapt bool) []byte { return HandshakeOf(init, adapt, IDMap()) }

// HandshakeOf is HandshakeWith with other ids.
func HandshakeOf(init []byte, adapt bool, ids []IDPair) []byte {
	b := AppendFrame(nil, IDInit, init)
	b = AppendFrame(b, IDPubIDs, PubIDs(adapt, ids))
	return AppendFrame(b, IDFinish, Nil)
}
