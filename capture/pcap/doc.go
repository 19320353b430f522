// Package pcap makes files for Wireshark: of a capture, or of bytes that a program has.
//
//	r, err := capture.Open(file)
//	…
//	err = pcap.Write(out, r)
//
// The file has TCP segments with the addresses and the times of the capture. Their headers are made
// up, since a capture has the bytes of conns, not those of the network: there are no
// retransmissions, and what came over TLS or WebSocket is there without it. Conns in memory and
// over Unix sockets get addresses of 127.0.0.0/8.
//
// tools/wireshark/packetmq.lua shows the packets in it. Everything here is for one goroutine.
package pcap
