// Package e2e tests the TypeScript client against servers in Go: in Chromium and
// in Node. It is a module of its own, so that the library needs neither.
//
// The scripts in testdata run in both; each returns what it has seen, as JSON. They need
// clients/ts/dist, which `make ts` builds. Without that, without Chromium or without Node the
// tests are skipped, unless PACKETMQ_NEED_CHROMIUM or PACKETMQ_NEED_NODE is set.
package e2e
