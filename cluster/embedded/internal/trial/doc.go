// Package trial runs the nodes of a cluster as processes, with users on them who send each other
// numbered packets, and finds out what became of each packet when a node was killed, paused or
// stalled.
//
// RunNode is what a node's process does, Nodes are such processes, User is a client of them,
// and Ledger keeps the accounts. Program is the command that shows all of it at work.
package trial
