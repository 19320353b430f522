// Package simtest is what the simulations of calls, states and sessions share: a world of peers
// on virtual reactors, transports with faults, and how seeds are run. What the peers do, and what
// must be true of it, is each simulation's own.
//
//	var seeds = simtest.DefineSeeds("./call/sim") // the flags -sim.seeds and -sim.seed
//
//	func TestSim(t *testing.T) {
//		seeds.Run(t, func(t *testing.T, n uint64) string { return run(t, n, none).Failure })
//	}
//
// It is for tests alone.
package simtest
