package grpcpeer

import (
	"fmt"

	"google.golang.org/grpc/mem"
)

// message is one message as the transport has it. Who sends it gives it away.
type message struct{ data mem.BufferSlice }

func (m *message) free() {
	m.data.Free()
	m.data = nil
}

// codec implements encoding.CodecV2.
type codec struct{}

func (codec) Name() string { return "raw" }

func (codec) Marshal(v any) (mem.BufferSlice, error) {
	m, ok := v.(*message)
	if !ok {
		return nil, fmt.Errorf("grpcpeer: cannot send a %T", v)
	}
	data := m.data
	m.data = nil
	return data, nil
}

func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	m, ok := v.(*message)
	if !ok {
		return fmt.Errorf("grpcpeer: cannot receive a %T", v)
	}
	data.Ref() // it is freed when this returns
	m.data = data
	return nil
}
