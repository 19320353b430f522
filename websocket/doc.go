// Package websocket has servers and clients speak over WebSocket (RFC 6455), for browsers and
// for networks that let nothing else through.
//
//	srv := peer.NewServer(reg, nil)
//	websocket.Enable(srv, nil)
//	srv.Listen("ws://:7000")
//
//	cli := peer.NewClient(reg, nil)
//	websocket.Enable(cli, nil)
//	cli.Connect(ctx, "ws://127.0.0.1:7000/")
//
// With "wss://" TLS lies below, as Config.TLS of the peer has it, and a listener on "any://"
// takes browsers and all other clients at one port. Handler serves a path of a net/http
// server.
//
// The stream of the conn travels in binary messages, which are split and joined at will. All of
// it happens on the loop of the conn: no conn has a goroutine, unless TLS lies below. Handlers,
// calls, rooms and the rest are as over any other transport.
package websocket
