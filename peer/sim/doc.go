// Package sim runs whole worlds of packetmq peers on virtual reactors, one
// world for each seed: the same seed always gives the same run.
//
// It has tests only. A world is a few servers and memory clients, some of which
// adapt their ids and some of which do not, on one to three virtual reactors
// with one to three loops. A scheduler seeded with the run's number decides what
// happens next: a loop takes a turn, time goes on, somebody connects, sends,
// softquits, aborts, fails in a handler, registers a packet, stops, drains or
// closes. Transports between them delay, split, stall, cut and reset; some
// peers are not peers, and write what they like.
//
// After every step the world is compared with what the packages promise:
// order, once, the right conn and the right name; the events of a conn; its
// states; its bounds; and that nothing happens to a conn without a cause that
// concerns it.
//
//	go test ./peer/sim                           a hundred seeds
//	go test ./peer/sim -run Sim -sim.seeds=10000
//	go test ./peer/sim -run Sim -sim.seed=N      one seed again
//	go test ./peer/sim -run Sim -sim.seed=N -sim.trace
package sim
