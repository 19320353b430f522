package peer

import (
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/vectors"
	"github.com/packetmq/packetmq/registry"
)

// The TypeScript client reads and writes the same payloads of the handshake and of softquit.
func TestTypeScriptHandshake(t *testing.T) {
	optional := appendIDs(nil, []registry.Entry{{Name: "app:extra", ID: 70}})
	ids := []registry.Entry{
		{Name: registry.NameInit, ID: 0}, {Name: registry.NameSoftquit, ID: 1}, {Name: registry.NamePubIDs, ID: 2}, {Name: registry.NameFinish, ID: 3},
		{Name: "app:ping", ID: 17}, {Name: "app:pong", ID: 18},
	}
	pubids := func(adapt bool, details []detail, token []byte) []byte {
		b := pubIDsMsg{adapt: adapt, ids: ids}.append(nil)
		return appendToken(appendDetails(b, 0, details), 0, token)
	}
	advice := func(a Advice) []byte { return a.appendSoftquit(nil) }
	news := &news{add: []registry.Entry{{Name: "app:extra", ID: 70}}, shapes: []byte{1, 2, 3, 4}, drop: []string{"app:old"}}
	vectors.Check(t, "../clients/ts/test/vectors/handshake.txt", []vectors.Vector{
		{Name: "init", Bytes: initMsg{version: 1, maxFrame: DefaultMaxFrame, beats: true, features: 0x1d}.append(nil)},
		{Name: "init-quiet", Bytes: initMsg{version: 1, maxFrame: DefaultMaxFrame, features: 5}.append(nil)},
		{Name: "init-auth", Bytes: initMsg{version: 1, maxFrame: DefaultMaxFrame, beats: true, auth: true, features: 5}.append(nil)},
		{Name: "init-bare", Bytes: initMsg{version: 1}.append(nil)},
		{Name: "init-2", Bytes: initMsg{version: 2}.append(nil)},
		{Name: "pubids-server", Bytes: pubids(false, nil, nil)},
		{Name: "pubids-server-details", Bytes: pubids(false, []detail{{FeatureOptional, optional}, {FeatureProgram, []byte("7.1")}}, nil)},
		{Name: "pubids-client", Bytes: pubids(true, nil, nil)},
		{Name: "pubids-client-details", Bytes: pubids(true, []detail{{FeatureOptional, optional}, {FeatureProgram, []byte("7.1")}}, []byte("abc"))},
		{Name: "softquit", Bytes: softquitMsg{"reason.bye"}.append(nil)},
		{Name: "softquit-to", Bytes: advice(Advice{Reason: ReasonShutdown, To: "ws://g2:7000/", After: 3 * time.Second})},
		{Name: "softquit-back", Bytes: advice(Advice{Reason: ReasonDenied, Comeback: ComebackLater})},
		{Name: "softquit-never", Bytes: advice(Advice{Reason: ReasonShutdown, Comeback: ComebackNever})},
		{Name: "softquit-why", Bytes: appendWhy(nil, "banned")},
		{Name: "update", Bytes: news.append(nil)},
	})
}
