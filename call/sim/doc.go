// Package sim makes calls between peers on virtual reactors, one world for each seed: the
// same seed always gives the same run.
//
// It has tests only. A world is two servers and some memory clients, each of which makes
// calls and handles them, on one to three virtual reactors. A scheduler seeded with the run's
// number decides what happens next: a loop takes a turn, time goes on, somebody calls, answers,
// cancels, aborts or softquits. Transports delay, split, cut and reset; middleware refuses, and
// handlers fail, panic, forget to answer or answer twice.
//
// Each call must end exactly once, at the side that made it, and only in a way for which there
// is a cause: its own answer, its own error, its time, its cancellation, or the end of its conn.
//
//	go test ./call/sim                            a hundred seeds
//	go test ./call/sim -run Sim -sim.seeds=10000
//	go test ./call/sim -run Sim -sim.seed=N       one seed again
package sim
