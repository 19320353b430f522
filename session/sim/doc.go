// Package sim simulates sessions: servers and clients on virtual reactors, whose conns are slow, come
// in pieces and are cut at any byte, while second conns claim the same sessions, sessions are
// ended, and peers of either side vanish with what they knew.
//
// After each step it looks whether packets have come in order and once. In the end each session
// must have been told its end once, at each side that had it, and each packet that has not come
// must be among those that its sender was told of. Sessions that live must have everything.
//
//	go test ./session/sim -run Sim -sim.seeds=10000
//
// A seed is always the same world. One that fails is printed, and fails again with -sim.seed.
package sim
