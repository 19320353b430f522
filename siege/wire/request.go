package wire

// Requests to join rooms and to subscribe to topics, of a server that has them.

// Ids of the requests. Answers have the id after that of their request.
const (
	IDJoinRoom, IDLeaveRoom, IDSubscribe, IDUnsubscribe = 20, 22, 24, 26
)

// RequestIDs returns the ids that a server with rooms has besides those of IDMap.
func RequestIDs() []IDPair {
	return []IDPair{
		{"bench:rooms.join", IDJoinRoom}, {"bench:rooms.join.answer", IDJoinRoom + 1},
		{"bench:rooms.leave", IDLeaveRoom}, {"bench:rooms.leave.answer", IDLeaveRoom + 1},
		{"bench:topics.join", IDSubscribe}, {"bench:topics.join.answer", IDSubscribe + 1},
		{"bench:topics.leave", IDUnsubscribe}, {"bench:topics.leave.answer", IDUnsubscribe + 1},
	}
}

// AppendRequest appends a frame that asks for a room or a pattern. n is the number of the
// request, which is not used again on the conn.
func AppendRequest(b []byte, id uint16, n uint64, name string) []byte {
	payload := AppendUint([]byte{0x93}, n)
	payload = AppendText(append(payload, 0), name) // it has the time that the server gives
	return AppendFrame(b, id, payload)
}
