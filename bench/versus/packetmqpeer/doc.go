// Package packetmqpeer has the calls of packetmq's own client, for loads that every
// library's client puts on its own server.
//
// In mode typed there are two packets, as a program writes it that has no calls: what
// is asked carries a number, the answer carries it back, and a map of the client's has
// who waits. The number is the seq of the values. Mode call is package call: its Do, from
// as many goroutines as there are calls under way, and in mode go its Go, from the loop.
//
// The servers are those of bin/bench serve.
package packetmqpeer
