// Package attack attacks a server from outside, and says which of its promises
// held.
//
// A row is one promise, with a function that tries it against servers that it
// starts. It is broken by one thing that is not as promised, and says what that
// was; otherwise it held, and shows its figure. Rows that need no exact times run
// side by side; those that measure latency run alone. The first lines of a file
// say which rows are in it.
//
// Latency is measured by client.Probes. Its bounds are for a machine that does
// other things too, so every row shows the latency without the attack as well.
package attack
