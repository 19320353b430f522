// Package sim has readers follow states on virtual reactors, one world for each seed: the same
// seed always gives the same run.
//
// It has tests only. A world is a server with three states, two of them over rooms, and some
// memory clients with mirrors, on one to three virtual reactors. A scheduler seeded with the
// run's number decides what happens next: a loop takes a turn, time goes on, a value is set or
// deleted, a client joins, leaves, stalls, goes on, loses its conn, comes back, or sees
// something else than before.
//
// When all that has ended, each mirror must equal what its client sees of the state that it
// follows. On the way no key of a mirror may go back to an older value.
//
//	go test ./state/sim                            a hundred seeds
//	go test ./state/sim -run Sim -sim.seeds=10000
//	go test ./state/sim -run Sim -sim.seed=N       one seed again
package sim
