package grpcpeer

import (
	"testing"

	"google.golang.org/grpc/mem"
)

func TestCodecTakesMessagesOnly(t *testing.T) {
	if _, err := (codec{}).Marshal("text"); err == nil {
		t.Error("Marshal: no error")
	}
	if err := (codec{}).Unmarshal(nil, new(string)); err == nil {
		t.Error("Unmarshal: no error")
	}
}

// A message keeps its bytes until it is sent, and then has them no more.
func TestCodecMovesBytes(t *testing.T) {
	var m message
	if err := (codec{}).Unmarshal(mem.BufferSlice{mem.SliceBuffer("ab"), mem.SliceBuffer("c")}, &m); err != nil {
		t.Fatal(err)
	}
	data, err := codec{}.Marshal(&m)
	if err != nil || string(data.Materialize()) != "abc" || m.data != nil {
		t.Errorf("%q, %v, left %v", data.Materialize(), err, m.data)
	}
}
