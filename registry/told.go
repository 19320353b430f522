package registry

// Each of these makes a hook that is told its packet one that is not, so that
// who calls the hooks of a packet has one kind.

type toldSender struct {
	obj PacketSender
	t   *Type
}

func (h toldSender) OnSend(to Conn, v any) (Conn, any, error) { return h.obj.OnSend(to, h.t, v) }

type toldEncoder struct {
	obj PacketEncoder
	t   *Type
}

func (h toldEncoder) OnEncode(to Conn, v any) (any, error) { return h.obj.OnEncode(to, h.t, v) }

type toldDecoder struct {
	obj PacketDecoder
	t   *Type
}

func (h toldDecoder) OnDecode(from Conn, v any) (any, error) { return h.obj.OnDecode(from, h.t, v) }

type toldReceiver struct {
	obj PacketReceiver
	t   *Type
}

func (h toldReceiver) OnReceive(from Conn, v any) error { return h.obj.OnReceive(from, h.t, v) }
