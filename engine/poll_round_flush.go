// Every read is handled at once, where it lies in the loop's read buffer; only the
// writing waits, for the end of the poll round or 16 reads, whichever comes first.
//
// Handlers in a row and then writes in a row cost less than when they take turns:
// the code of each, much of it the kernel's, stays in the CPU's caches, and a
// program on this machine at the other end of the sockets is woken once for many
// answers. To find out where a round ends costs as much as that saves in a round
// of four reads, so output is batched only while rounds are longer.

package engine

import "time"

const (
	// batchProbe is after how many reads a round is measured while output is not
	// batched. A look costs as much as half a read. It is a prime, so that looks
	// begin anywhere in rounds that are all of one length.
	batchProbe = 251

	// batchFrom is how many reads a round must have had for the output of the next
	// one to be batched. With fewer, finding the round's end costs more than
	// batching saves.
	batchFrom = 4

	// batchMost is how many reads in a row have their output leave together, at
	// most: no answer waits for all of a round of thousands.
	batchMost = 16

	// batchTime is how long the reads of a round may have taken on average, their
	// handlers included, for the next round to be batched. So output waits for 16
	// times that, a third of a millisecond, and for slow handlers of one round.
	batchTime = 20 * time.Microsecond
)

// batching decides whether output waits for the reads to come. Loop only.
type batching struct {
	// Set once.
	clock *clock
	inbox *inbox

	reads uint32 // so far; it may wrap
	on    bool   // output waits for the end of the round

	// Of the round that is being measured, if one is.
	measured bool
	from     uint32 // reads at its first one
	since    time.Duration
}

// noteRead counts a read that was handled. It reports whether what the handlers wrote may
// wait for more reads of this round.
func (b *batching) noteRead() (wait bool) {
	b.reads++
	if !b.measured && (b.on || debugBuild || b.reads%batchProbe == 0) {
		b.findRoundEnd()
	}
	return b.on && b.measured && (b.reads-b.from+1)%batchMost != 0
}

// findRoundEnd has roundEnded called when the sockets that are ready now have been
// read. gnet does not report the end of a poll round. So we write to the wake-up
// socket during the round: its event comes after those of the sockets that were
// ready before, because the kernel's list of ready sockets is first in, first out,
// and the wake-up socket is not in it yet: see pollSet.
// A socket that has input left after its read is in the list again before the
// wake-up, and so is read once more, in a round that counts as the same.
func (b *batching) findRoundEnd() {
	if b.inbox.wakeAfterRound() {
		b.measured, b.from, b.since = true, b.reads, b.clock.now()
		b.on = b.on || debugBuild
	}
}

// roundEnded decides, at the end of a round, whether the output of the next one is batched,
// if the round was measured.
func (b *batching) roundEnded() {
	if !b.measured {
		return
	}
	more, took := b.reads-b.from, b.clock.now()-b.since
	b.on = 1+more >= batchFrom && took <= batchTime*time.Duration(more)
	b.measured = false
}
