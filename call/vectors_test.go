package call

import (
	"testing"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/internal/vectors"
)

// The TypeScript client reads and writes the same requests and answers.
func TestTypeScriptCalls(t *testing.T) {
	type order struct{ Price int }
	type receipt struct{ Total int }
	encode := func(v any) []byte {
		b, err := new(codec.Msgpack).Append(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	vectors.Check(t, "../clients/ts/test/vectors/call.txt", []vectors.Vector{
		{Name: "request", Bytes: encode(&Request[order]{ID: 1, MS: 2000, Body: &order{3}})},
		{Name: "request-nil", Bytes: encode(&Request[order]{ID: 1, MS: 2000})},
		{Name: "cancel", Bytes: appendCancel(nil, 3)},
		{Name: "answer", Bytes: encode(&Response[receipt]{ID: 1, Body: &receipt{3}})},
		{Name: "answer-large-id", Bytes: encode(&Response[receipt]{ID: 1<<64 - 1, Body: &receipt{3}})},
		{Name: "error", Bytes: encode(&Response[receipt]{ID: 2, Error: &Failure{Name: "shop:poor", Text: "no credit"}})},
		{Name: "error-data", Bytes: encode(&Response[receipt]{ID: 2, Error: &Failure{Name: "shop:poor", Text: "no credit", Data: encode(&order{20})}})},
	})
}
