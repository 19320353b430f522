// Package clustertest has what the tests of cluster and of cluster/embedded share: packets, the
// servers and clients that exchange them, and checks of what nodes know of each other. It does not
// know cluster, whose own tests use it.
package clustertest
