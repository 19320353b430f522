package session

import (
	"testing"

	"github.com/packetmq/packetmq/internal/vectors"
)

// The TypeScript client reads and writes the same messages.
func TestTypeScriptMessages(t *testing.T) {
	id := ID{1, 2, 3}
	w := window{4096, 256 << 10}
	nonce := secret{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	vectors.Check(t, "../clients/ts/test/vectors/session.txt", []vectors.Vector{
		{Name: "begin", Bytes: (&begin{nonce, 1, w}).append(nil)},
		{Name: "resume", Bytes: (&resume{id, nonce, 2, 5, w}).append(nil)},
		{Name: "accepted-new", Bytes: (&accepted{false, id, nonce, 0, w}).append(nil)},
		{Name: "accepted-resumed", Bytes: (&accepted{true, id, nonce, 2, w}).append(nil)},
		{Name: "refused-unknown", Bytes: refusedUnknown.append(nil)},
		{Name: "refused-count", Bytes: refusedCount.append(nil)},
		{Name: "ack", Bytes: appendAck(nil, 7)},
		{Name: "end", Bytes: (&end{7, "reason.bye"}).append(nil)},
	})
}
