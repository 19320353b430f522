package registry

// Hooks that are told their packet. Each type here makes such a hook one that is
// not told, so that who calls the hooks of a packet has one kind.

type packetSenderHook struct {
	obj PacketSender
	t   *Type
}

func (h packetSenderHook) OnSend(to Conn, v any) (Conn, any, error) { return h.obj.OnSend(to, h.t, v) }

type packetEncoderHook struct {
	obj PacketEncoder
	t   *Type
}

func (h packetEncoderHook) OnEncode(to Conn, v any) (any, error) { return h.obj.OnEncode(to, h.t, v) }

type packetDecoderHook struct {
	obj PacketDecoder
	t   *Type
}

func (h packetDecoderHook) OnDecode(from Conn, v any) (any, error) {
	return h.obj.OnDecode(from, h.t, v)
}

type packetReceiverHook struct {
	obj PacketReceiver
	t   *Type
}

func (h packetReceiverHook) OnReceive(from Conn, v any) error { return h.obj.OnReceive(from, h.t, v) }
