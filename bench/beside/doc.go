// Package beside measures what a second reactor in the process costs the first
// one's punctuality: a game sends snapshots at 20 Hz to its players, who send it
// inputs, and beside it a telemetry server answers reports.
//
// Both are on one reactor, or on a reactor each, with and without
// engine.Config.KeepProcs. The server is a process of its own, with the
// GOMAXPROCS that Go chooses. The figure is how late a snapshot is at its
// player, counted from when its timer was due.
package beside
