// Package capture records what enters the loops of a program, in its order, and does it again.
//
//	rec := capture.New(file, capture.Config{Registry: reg})
//	srv := peer.NewServer(reg, &peer.Config{Engine: &engine.Config{Tap: rec}})
//	…
//	rec.Close()
//
// A capture has the bytes of each conn, opens and ends, the posts that the program names, the
// timers that were called, the clock, and the results of offloaded work; and the output, to be
// compared. Replay runs the program's handlers with exactly that. Open reads a capture,
// Dump writes it as text, and capture/pcap makes a file for Wireshark of it.
// docs/capture.md has the format, what can be replayed, and what it costs.
//
// # Loops do not wait
//
// A loop puts records into a buffer of its own, from which one goroutine writes them. Where
// that is full, records are dropped and counted, and a record in the file says how many.
//
// # Secrets
//
// Tokens of handshakes and the secrets of sessions are cut out before anything is written, and so are fields with the tag
// `packetmq:"secret"` of the Go types in Config.Registry. Their length stays.
//
// # Goroutines
//
// A Recorder's Close and Stats may be called from any goroutine. Posts may be used from any
// goroutine, too. A Reader, a Packets and a Play are for one goroutine each.
package capture
