// Package wire writes and reads the bytes of the protocol for a client that
// attacks a server: frames, and the few kinds of msgpack that they carry.
//
// It is written from PROTOCOL.md and shares no code with the server. An attacker
// that used the server's encoder would make the server's mistakes too, and so
// would not find them. It is small because it needs no speed, no types and no
// limits: what is to be malformed is put together from its parts.
package wire
