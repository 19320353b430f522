// Package ringbuf is a first-in first-out queue in one growable ring of
// power-of-two capacity. Whoever owns a ring brings the lock.
//
// # Memory
//
// The first Push makes 8 slots; a Push into a full ring doubles them. A ring
// gives memory back at two moments, both in Pop or PopInto:
//
//   - When it runs empty. The ring compares the most elements it held at once
//     since it was last empty with the same number of the time before, and
//     takes the smaller of the two, but no more than 1,024.
//   - After as many pops as it has slots without running empty. It takes the
//     most elements it held at once during these pops.
//
// If the number taken is a quarter of the capacity or less, the capacity drops
// to twice that number, rounded up to a power of two, and 8 at least. What
// follows from this:
//
//   - One burst among small ones is given back when its last element is popped.
//   - A load whose peaks stay within a factor of two settles, and reallocates
//     no more, even if it drains the ring each time: the capacity is less than
//     four times its peaks.
//   - An empty ring keeps 2,048 slots at most, however large its regular bursts
//     are, so idle rings stay cheap. Larger bursts pay for their growth each
//     time, with less than one allocation in 100 pushes.
//   - Every operation takes O(1) time amortised: the pushes that filled the
//     ring pay for its growth, and the pops of the round or burst just ended for
//     the smaller buffer, which has 8 slots or less than four for each of them.
//
// A slot that holds no element is zero: nothing given away stays reachable.
package ringbuf
