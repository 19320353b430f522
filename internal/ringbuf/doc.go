// Package ringbuf is a first-in first-out queue in one growable ring of
// power-of-two capacity. It has no lock: its owner needs one.
//
// # Memory
//
// The first Push makes 8 slots; a Push into a full ring doubles them. A ring
// gives memory back at two moments, both in Pop or PopInto:
//
//   - When it runs empty. The ring compares its peak, the most elements at once
//     since it was last empty, with the peak of the time before. The need is the
//     smaller of the two, but no more than 1,024.
//   - After as many pops as it has slots without running empty. The need is the
//     peak during these pops.
//
// If the need is a quarter of the capacity or less, the capacity drops to twice the
// need, rounded up to a power of two, and 8 at least. What follows from this:
//
//   - One burst among small ones is given back when its last element is popped.
//   - A load whose peaks stay within a factor of two settles, and reallocates
//     no more, even if it drains the ring each time: the capacity is less than
//     four times its peaks.
//   - An empty ring keeps 2,048 slots at most, however large its regular bursts
//     are, so idle rings stay cheap. Larger bursts pay for their growth each
//     time, with less than one allocation in 100 pushes.
//   - Every operation takes O(1) time amortised: the pushes that filled the
//     ring pay for its growth. The pops of the round or burst that has just ended
//     pay for the smaller buffer, which has 8 slots or less than four for each of
//     them.
//
// A slot without an element is zero, so nothing that was popped stays reachable.
package ringbuf
