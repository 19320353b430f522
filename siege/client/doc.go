// Package client is the clients of an attack: sockets that speak the protocol by
// package wire, with none of the library's code.
//
// An Endpoint is the server as they know it, and dials. A Conn is one socket. A
// Sender writes to thousands of conns at once. Probes are well-behaved clients
// whose replies are timed while others attack.
package client
