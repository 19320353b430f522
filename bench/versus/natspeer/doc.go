// Package natspeer is an echo over NATS: requests to a subject, which go through
// a nats-server to a responder that subscribes to it, and back. In mode call their
// bodies are structs in msgpack.
//
// The server and the responder are one process, as with an embedded server, and
// its CPU time is that of both. The responder is connected in process: that
// costs less than a socket where few packets are under way, and as much where
// there are many.
package natspeer
