// Package natspeer is an echo over NATS: requests to a subject, which go through
// a nats-server to a responder that subscribes to it, and back.
//
// The server and the responder are one process, as with an embedded server, so
// that its CPU time is that of both; a request costs neither less nor more
// where they are two. The responder is connected in process, without a socket,
// which is the cheaper way.
package natspeer
